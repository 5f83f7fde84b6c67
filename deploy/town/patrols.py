"""Patrols at a school of a simulated town, and what they change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from collector.analysis.effect import Patrol
from collector.analysis.hours import time_of
from deploy.town.clock import Clock, FloatArray
from deploy.town.outings import Episode, numbered


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """Patrols at one site and their true effect.

    Attributes
    ----------
    site : int
        Place of the site in the town's list.
    first_hour, last_hour, relapse_hour : int
        Hours since the town's first one: the first patrol, the end of the last, and when all is
        as it was again.
    hour_of_week : int
        When in the local week (Monday 00 is 0) the patrols come, two hours at a time.
    reduction : float
        Share of the episodes at the site that no longer happen there.
    displaced_to : int, optional
        Site to which a part of them moves.
    displaced_share : float
        That part.
    """

    site: int
    first_hour: int
    last_hour: int
    relapse_hour: int
    hour_of_week: int
    reduction: float = 0.5
    displaced_to: int | None = None
    displaced_share: float = 0.0

    def patrols(self, site: str, when: Clock) -> list[Patrol]:
        """The single patrols, one a week."""
        hours = np.arange(self.first_hour, self.last_hour)
        of_week = 24 * when.weekday[hours] + when.hour_of_day[hours]
        # At the end of summer time an hour of the week comes twice.
        begins = [int(hour) for hour in hours[of_week == self.hour_of_week]]
        chosen = [h for h, before in zip(begins, [-2, *begins], strict=False) if h > before + 1]
        start = [time_of(when.first_hour + hour) for hour in chosen]
        return [Patrol(site=site, start=at, end=at + timedelta(hours=2)) for at in start]

    def changed_rates(self, expected: FloatArray) -> FloatArray:
        """Expected episodes, shape (sites, hours), as the patrols leave them."""
        changed = expected.copy()
        span = slice(self.first_hour, self.relapse_hour)
        lost = self.reduction * expected[self.site, span]
        changed[self.site, span] -= lost
        if self.displaced_to is not None:
            changed[self.displaced_to, span] += self.displaced_share * lost
        return changed

    def changed_episodes(
        self, episodes: Sequence[Episode], hours: int, rng: np.random.Generator
    ) -> list[Episode]:
        """Episodes as the patrols leave them."""
        kept = []
        for episode in episodes:
            hit, moved = rng.random(2)
            within = self.first_hour <= episode.at_h < self.relapse_hour
            if episode.site != self.site or not within or hit >= self.reduction:
                kept.append(episode)
            elif self.displaced_to is not None and moved < self.displaced_share:
                kept.append(replace(episode, site=self.displaced_to))
        return numbered(kept, hours)


def usual_campaign(expected: FloatArray, when: Clock, *, weeks: int, displaced: bool) -> Campaign:
    """Patrols at the busiest site, from halfway on, in its busiest two hours of the week."""
    week = 7 * 24
    site = int(np.argmax(expected.sum(axis=1)))
    of_week = 24 * when.weekday + when.hour_of_day
    by_hour = np.bincount(of_week, expected[site], minlength=week)
    pairs = by_hour + np.roll(by_hour, -1)
    first = (weeks // 2) * week
    last = first + max(1, weeks // 4) * week
    quietest = np.argsort(expected.sum(axis=1))
    other = next(int(index) for index in quietest if index != site)
    return Campaign(
        site=site,
        first_hour=first,
        last_hour=last,
        relapse_hour=min(last + 4 * week, len(when)),
        hour_of_week=int(np.argmax(pairs)),
        displaced_to=other if displaced else None,
        displaced_share=0.5 if displaced else 0.0,
    )
