"""Did patrols help? How often something happened after them, relative to before, with its doubt.

Counts are compared with what the same measured hours would have held on average (hours of the week
and day types as in :mod:`collector.analysis.rates`, estimated over both periods together), so that
gaps and the time of week do not matter. With y counts, Var(log ratio) = phi (1/y_before +
1/y_after), phi being the dispersion of a site's weekly counts about their means (quasi-Poisson;
McCullagh and Nelder, Generalized Linear Models, 1989, 4.5 and 6.2), shrunk towards that of all
sites, with Student's t for what is known of it. The ratio at the patrolled site is set against
those of comparison sites and what these scatter among themselves (:mod:`collector.analysis.ratio`).

What it cannot do: patrols that begin after the worst weeks ever seem to help, since such weeks are
followed by milder ones anyway. And a group that moves away just then, while nothing changes at
other sites, looks like an effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student

from collector.analysis.cells import Floats, What, cells_by_zone
from collector.analysis.hours import HOURS_A_WEEK, SiteHours, hour_at
from collector.analysis.rates import mean_rates
from collector.analysis.ratio import (
    HALVED,
    SAME,
    Change,
    Ratio,
    against,
    may_have_risen,
    power_to_find,
    scatter_of,
    usual_change,
)
from collector.analysis.relapse import Relapse, relapse
from collector.analysis.school_calendar import SchoolCalendar

ENOUGH_POWER: Final = 0.8

_HALF: Final = 0.5
"""Added to counts, so that none is a number too (Haldane, Anscombe)."""

_POOLED_WEEKS: Final = 20.0
"""As many weeks as all sites together count for in the dispersion of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patrol:
    """Somebody was at `site` from `start` to `end` (UTC)."""

    site: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Effect:
    """What followed the patrols at a site.

    Attributes
    ----------
    site : str
    before_weeks, after_weeks : int
    count_before, count_after : int
    measured_before_h, measured_after_h : float
    ratio : Ratio
        After/before against the comparison sites; by itself where there are none.
    own_ratio : Ratio
        After/before of the site by itself.
    town_ratio : Ratio
        After/before of all sites together: what moved is not gone.
    comparison : tuple of str
        Sites that were compared with.
    dispersion : float
        How many times more than Poisson counts the weekly ones at the site vary, 1 at least.
    scatter : float
        How far ratios of sites lie apart by themselves, as a standard deviation of their
        logarithm; NaN without comparison sites.
    power : float
        Probability that a halving would have been found with as many data.
    relapse : Relapse, optional
        When it was as before again; None where nothing fell.
    moved_to : tuple of (str, Ratio)
        Other sites where it rose against the remaining ones.
    """

    site: str
    before_weeks: int
    after_weeks: int
    count_before: int
    count_after: int
    measured_before_h: float
    measured_after_h: float
    ratio: Ratio
    own_ratio: Ratio
    town_ratio: Ratio
    comparison: tuple[str, ...]
    dispersion: float
    scatter: float
    power: float
    relapse: Relapse | None
    moved_to: tuple[tuple[str, Ratio], ...]

    @property
    def enough_data(self) -> bool:
        """Whether a halving would be found in four of five cases."""
        return self.power >= ENOUGH_POWER


def patrol_effect(
    tables: Sequence[SiteHours],
    calendar: SchoolCalendar,
    patrols: Sequence[Patrol],
    site: str,
    *,
    weeks: int = 8,
    comparison: Sequence[str] | None = None,
    what: What = "episodes",
) -> Effect:
    """Compare up to `weeks` before the first patrol at `site` with as many from then on.

    Parameters
    ----------
    comparison : sequence of str, optional
        Sites to compare with, by default all others without patrols in that time; those it moved
        to are left out.

    Raises
    ------
    ValueError
        There was no patrol at the site, or nothing was measured before or after.
    """
    own = sorted((one for one in patrols if one.site == site), key=lambda one: one.start)
    if not own:
        raise ValueError(f"no patrol at {site} is known: log it first")
    begin = hour_at(own[0].start)
    sites = [table.site for table in tables]
    index = sites.index(site)
    blocks = _blocks(tables, calendar, begin, weeks, what)
    patrolled = {one.site for one in patrols if abs(hour_at(one.start) - begin) < _span(weeks)}
    chosen = comparison if comparison is not None else [s for s in sites if s not in patrolled]
    doubt = _Doubt.of(blocks)
    moved_to = _moved(blocks, sites, index, doubt)
    # Where it moved to, patrols changed something too; where nothing was ever counted, who knows.
    away = {index, *(sites.index(name) for name, _ in moved_to)}
    others = [k for k in map(sites.index, chosen) if k not in away and blocks.count[k].any()]
    own_ratio = blocks.ratio([index], doubt.dispersion[index], doubt)
    change = blocks.change(index, doubt)
    usual = usual_change([blocks.change(k, doubt) for k in others]) if others else SAME
    ratio = against(change, usual) if others else own_ratio
    after_end = hour_at(own[-1].end) if len(own) > 1 else begin
    return Effect(
        site=site,
        before_weeks=len(blocks.used(index, after=False)),
        after_weeks=len(blocks.used(index, after=True)),
        count_before=int(blocks.total(index, after=False)),
        count_after=int(blocks.total(index, after=True)),
        measured_before_h=float(blocks.measured_h[index, : blocks.weeks].sum()),
        measured_after_h=float(blocks.measured_h[index, blocks.weeks :].sum()),
        ratio=ratio,
        own_ratio=own_ratio,
        town_ratio=blocks.ratio(list(range(len(sites))), doubt.pooled, doubt),
        comparison=tuple(sites[k] for k in others),
        dispersion=float(doubt.dispersion[index]),
        scatter=scatter_of(usual) if others else float("nan"),
        power=power_to_find(blocks.halved(index, doubt), usual),
        relapse=_relapse(blocks, index, (after_end - begin) / HOURS_A_WEEK, doubt)
        if ratio.fell or own_ratio.fell
        else None,
        moved_to=moved_to,
    )


def _span(weeks: int) -> int:
    return weeks * HOURS_A_WEEK


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Weekly counts about the first patrol; arrays of shape (sites, 2 weeks)."""

    weeks: int
    count: Floats
    expected: Floats
    measured_h: Floats

    def used(self, index: int, *, after: bool) -> Floats:
        """Which weeks of a site were measured, before or after."""
        span = slice(self.weeks, None) if after else slice(0, self.weeks)
        return np.flatnonzero(self.expected[index, span] > 0.0).astype(np.float64)

    def total(self, index: int, *, after: bool, expected: bool = False) -> float:
        """Sum of a site's counts, or of what was expected, before or after."""
        values = self.expected if expected else self.count
        span = slice(self.weeks, None) if after else slice(0, self.weeks)
        return float(values[index, span].sum())

    def change(self, index: int, doubt: _Doubt) -> Change:
        """How a site changed, and how well its counts tell."""
        log_ratio, variance = _log_ratio(*self._sums([index]))
        return Change(log_ratio, doubt.widened * float(doubt.dispersion[index]) * variance)

    def halved(self, index: int, doubt: _Doubt) -> Change:
        """How well counts would tell, had they halved at a site."""
        before, _, expected_before, expected_after = self._sums([index])
        after = HALVED * (before + _HALF) * expected_after / expected_before - _HALF
        log_ratio, variance = _log_ratio(before, after, expected_before, expected_after)
        return Change(log_ratio, doubt.widened * float(doubt.dispersion[index]) * variance)

    def ratio(self, chosen: Sequence[int], dispersion: float, doubt: _Doubt) -> Ratio:
        """After/before of some sites together, by themselves."""
        log_ratio, variance = _log_ratio(*self._sums(chosen))
        reach = norm.ppf(0.975) * np.sqrt(doubt.widened * dispersion * variance)
        low, middle, high = np.exp([log_ratio - reach, log_ratio, log_ratio + reach])
        return Ratio(float(middle), float(low), float(high))

    def _sums(self, chosen: Sequence[int]) -> tuple[float, float, float, float]:
        """Counts before and after, and what was expected then, of several sites."""
        rows, cut = list(chosen), self.weeks
        count, expected = self.count[rows].sum(axis=0), self.expected[rows].sum(axis=0)
        return (
            float(count[:cut].sum()), float(count[cut:].sum()),
            float(expected[:cut].sum()), float(expected[cut:].sum()),
        )  # fmt: skip


def _log_ratio(
    before: float, after: float, expected_before: float, expected_after: float
) -> tuple[float, float]:
    """Log of the ratio after/before, and its variance were the counts Poisson."""
    log_ratio = np.log((after + _HALF) / (before + _HALF) * expected_before / expected_after)
    return float(log_ratio), 1.0 / (before + _HALF) + 1.0 / (after + _HALF)


def _blocks(
    tables: Sequence[SiteHours], calendar: SchoolCalendar, begin: int, weeks: int, what: What
) -> _Blocks:
    first, end = begin - _span(weeks), begin + _span(weeks)
    near = [table.between(first, end) for table in tables]
    rates = mean_rates(near, calendar, end_hour=end, what=what).rate
    shape = (len(near), 2 * weeks)
    count, expected, measured_h = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    places = cells_by_zone({table.time_zone for table in tables}, calendar, first, end)
    for index, rows in enumerate(near):
        week = (rows.hour - first) // HOURS_A_WEEK
        hours = rows.measured_s / 3600.0
        rate = rates[index].ravel()[places[rows.time_zone][rows.hour - first]]
        count[index] = np.bincount(week, getattr(rows, what), minlength=2 * weeks)
        expected[index] = np.bincount(week, rate * hours, minlength=2 * weeks)
        measured_h[index] = np.bincount(week, hours, minlength=2 * weeks)
    blocks = _Blocks(weeks, count, expected, measured_h)
    for index, table in enumerate(tables):
        if not (expected[index, :weeks].any() and expected[index, weeks:].any()):
            raise ValueError(
                f"{table.site} was not measured both before and after the first patrol: "
                "choose another site or a longer time"
            )
    return blocks


@dataclass(frozen=True, slots=True)
class _Doubt:
    """How much more than Poisson the weekly counts vary, and how well that is known.

    Attributes
    ----------
    pooled : float
        Over all sites.
    dispersion : ndarray of shape (sites,)
        Of each site, shrunk towards that.
    widened : float
        By what variances grow for want of weeks: Student's t for the normal distribution.
    """

    pooled: float
    dispersion: Floats
    widened: float

    @classmethod
    def of(cls, blocks: _Blocks) -> _Doubt:
        """Squares of weeks about each site's mean before and after, over what Poisson gives."""
        sites = len(blocks.count)
        squares, poisson, freedom = np.zeros(sites), np.zeros(sites), np.zeros(sites)
        for span in (slice(0, blocks.weeks), slice(blocks.weeks, None)):
            count, expected = blocks.count[:, span], blocks.expected[:, span]
            weeks = np.maximum((expected > 0.0).sum(axis=1), 1)
            mean = expected * (count.sum(axis=1) / expected.sum(axis=1))[:, np.newaxis]
            squares += np.square(count - mean).sum(axis=1)
            poisson += mean.sum(axis=1) * (1.0 - 1.0 / weeks)
            freedom += (weeks - 1) * (mean.sum(axis=1) > 0.0)
        pooled = squares.sum() / poisson.sum() if poisson.any() else 1.0
        own = np.divide(squares, poisson, out=np.full(sites, pooled), where=poisson > 0.0)
        shrunk = (freedom * own + _POOLED_WEEKS * pooled) / (freedom + _POOLED_WEEKS)
        reach = student.ppf(0.975, max(freedom.sum(), 1.0)) / norm.ppf(0.975)
        return cls(max(1.0, float(pooled)), np.maximum(shrunk, 1.0), float(reach**2))


def _relapse(blocks: _Blocks, index: int, campaign_weeks: float, doubt: _Doubt) -> Relapse | None:
    before = blocks.total(index, after=False)
    expected_before = blocks.total(index, after=False, expected=True)
    usual = blocks.expected[index, blocks.weeks :] * before / expected_before
    counts = blocks.count[index, blocks.weeks :]
    return relapse(counts, usual, int(np.ceil(campaign_weeks)), float(doubt.dispersion[index]))


def _moved(
    blocks: _Blocks, sites: Sequence[str], index: int, doubt: _Doubt
) -> tuple[tuple[str, Ratio], ...]:
    found = []
    others = [k for k in range(len(sites)) if k != index]
    changes = {k: blocks.change(k, doubt) for k in others}
    counted = [k for k in others if blocks.count[k].any()]
    for other in others:
        rest = [changes[k] for k in counted if k != other]
        if not rest:
            continue
        usual = usual_change(rest)
        if may_have_risen(changes[other], usual, len(others)):
            ratio = against(changes[other], usual, len(others))
            if ratio.rose:
                found.append((sites[other], ratio))
    return tuple(found)
