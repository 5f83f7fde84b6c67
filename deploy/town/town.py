"""A simulated town: one seed gives one town, with all that happens in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from collector.registry.registry import Site
from deploy.town.clock import BoolArray, Clock, FloatArray, clock, seed_of
from deploy.town.groups import Group, changed_habits, draw_group
from deploy.town.kinds import Kind, kind_of
from deploy.town.outages import valid_minutes
from deploy.town.outings import Company, Episode, draw_episodes, expected_episodes
from deploy.town.patrols import Campaign, usual_campaign
from deploy.town.terms import usual_calendar

HOUR: Final = timedelta(hours=1)
TIME_ZONE: Final = "Europe/Stockholm"


def _site(name: str, at: str, latitude: float, longitude: float) -> Site:
    return Site(id=at, name=name, municipality="Havsbro", latitude=latitude, longitude=longitude)


SITES: Final = (
    _site("Ekskolan", "ekskolan", 57.310, 12.130),
    _site("Åskolan", "askolan", 57.330, 12.160),
    _site("Björkängsskolan", "bjorkangsskolan", 57.345, 12.185),
    _site("Snäckskolan", "snackskolan", 57.352, 12.150),
    _site("Måsskolan", "masskolan", 57.361, 12.119),
    _site("Tångskolan", "tangskolan", 57.372, 12.098),
)
"""Schools that do not exist, in a place that does not exist; each beside the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """A town over some hours, with the truth about it.

    Attributes
    ----------
    seed, kind_name : int, str
        What it was made of.
    sites : tuple of Site
        Neighbours stand beside each other.
    nodes : tuple of (str, str)
        Each node's id, with that of its site.
    when : Clock
        Its hours.
    groups : tuple of Group
    campaign : Campaign, optional
    expected : ndarray of shape (sites, hours)
        The truth: expected episodes that begin in an hour, over all weathers and moods.
    episodes, company : tuple
        What happened, in order of time.
    activity : tuple of float
        Of each site, how much passes there anyway.
    """

    seed: int
    kind_name: str
    sites: tuple[Site, ...]
    nodes: tuple[tuple[str, str], ...]
    when: Clock
    groups: tuple[Group, ...]
    campaign: Campaign | None
    expected: FloatArray
    episodes: tuple[Episode, ...]
    company: tuple[Company, ...]
    activity: tuple[float, ...]

    @property
    def kind(self) -> Kind:
        """What kind of town it is."""
        return kind_of(self.kind_name)

    def site_index(self, site: str) -> int:
        """The place of a site in the town's list."""
        return [one.id for one in self.sites].index(site)

    def valid_minutes(self, node: str) -> BoolArray:
        """Whether each minute was validly measured by a node."""
        place = [name for name, _ in self.nodes].index(node)
        return valid_minutes(self.kind, self.when, node, place, self.seed)


def simulate_town(
    seed: int,
    start: datetime,
    weeks: int,
    *,
    kind: str = "ordinary",
    sites: Sequence[Site] | None = None,
    nodes: Sequence[tuple[str, str]] | None = None,
    campaign: Campaign | None = None,
    ahead_weeks: int = 1,
) -> Town:
    """Simulate a town from `start` (rounded up to an hour) over `weeks`.

    Parameters
    ----------
    sites, nodes : sequence, optional
        By default as many as the kind says, with one node each.
    campaign : Campaign, optional
        Patrols in place of those that the kind has.
    ahead_weeks : int
        Weeks after these in which the same goes on, so that a plan can be judged.

    Raises
    ------
    DeployError
        There is no such kind.
    """
    chosen = kind_of(kind)
    places = tuple(sites or SITES[: chosen.sites])
    first = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    first += HOUR if first < start else timedelta(0)
    hours = 7 * 24 * (weeks + ahead_weeks)
    local = start.astimezone(ZoneInfo(TIME_ZONE)).date()
    calendar = usual_calendar(local, local + timedelta(weeks=weeks + ahead_weeks))
    when = clock(seed, first, hours, calendar, TIME_ZONE)
    rng = np.random.default_rng(seed_of("town", kind, seed))
    groups = _groups(chosen, len(places), weeks, when, rng)
    expected = expected_episodes(groups, len(places), chosen.strays, when)
    if campaign is None and chosen.patrolled:
        campaign = usual_campaign(expected, when, weeks=weeks, displaced=chosen.displaced)
    episodes, company = draw_episodes(groups, len(places), chosen.strays, when, seed)
    if campaign is not None:
        expected = campaign.changed_rates(expected)
        effect = np.random.default_rng(seed_of("effect", seed))
        episodes = campaign.changed_episodes(episodes, hours, effect)
    return Town(
        seed=seed,
        kind_name=kind,
        sites=places,
        nodes=tuple(nodes or ((f"{site.id}-1", site.id) for site in places)),
        when=when,
        groups=tuple(groups),
        campaign=campaign,
        expected=expected,
        episodes=tuple(episodes),
        company=tuple(one for one in company if 0.0 <= one.at_h < hours),
        activity=tuple(rng.uniform(0.7, 1.4, len(places)).tolist()),
    )


def _groups(
    kind: Kind, sites: int, weeks: int, when: Clock, rng: np.random.Generator
) -> list[Group]:
    groups = []
    fewest, most = kind.groups
    for number in range(int(rng.integers(fewest, most + 1))):
        group = draw_group(number + 1, sites, kind, rng)
        if rng.random() < kind.shift:
            halfway = when.first_hour + weeks * 7 * 12
            later = draw_group(number + 1, sites, kind, rng)
            group = changed_habits(group, later, halfway)
        groups.append(group)
    return groups
