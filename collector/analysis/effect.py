"""Did patrols help? How often something happened after them, relative to before, with its doubt.

Counts are compared with what the same measured hours would have held on average (hours of the week
and day types as in :mod:`collector.analysis.rates`, estimated over both periods together), so that
gaps and the time of week do not matter. The ratio after/before at the patrolled site is divided by
that of comparison sites (difference in differences, as a ratio). Its interval is that of a
quasi-Poisson model: with y counts, Var(log ratio) = phi (1/y_before + 1/y_after + those of the
comparison), phi the dispersion of weekly counts about their means over all sites (McCullagh and
Nelder, Generalized Linear Models, 1989, 4.5 and 6.2), Student's t with its degrees of freedom.

What it cannot do: patrols that begin after the worst weeks ever seem to help, since such weeks are
followed by milder ones anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student

from collector.analysis.cells import Floats, What, cell_index
from collector.analysis.hours import HOURS_A_WEEK, SiteHours, hour_at
from collector.analysis.rates import fit_rates
from collector.analysis.relapse import Relapse, relapse
from collector.analysis.school_calendar import SchoolCalendar

ENOUGH_POWER: Final = 0.8
HALVED: Final = 0.5

_HALF: Final = 0.5
"""Added to counts, so that none is a number too (Haldane, Anscombe)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patrol:
    """Somebody was at `site` from `start` to `end` (UTC)."""

    site: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Ratio:
    """A rate ratio after/before with its 95 % interval; 1 is no change."""

    ratio: float
    low: float
    high: float

    @property
    def fell(self) -> bool:
        """Whether the whole interval lies below 1."""
        return self.high < 1.0

    @property
    def rose(self) -> bool:
        """Whether the whole interval lies above 1."""
        return self.low > 1.0


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
        How many times more than Poisson counts the weekly ones vary, 1 at least.
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
        Sites to compare with, by default all others without patrols in that time.

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
    others = [sites.index(name) for name in chosen if name != site]
    # A site where nothing was counted says nothing, and would only add doubt.
    others = [k for k in others if blocks.total(k, after=False) and blocks.total(k, after=True)]
    doubt = _Doubt.of(blocks)
    ratio = blocks.ratio([index], others, doubt)
    after_end = hour_at(own[-1].end) if len(own) > 1 else begin
    fallen = ratio.fell or blocks.ratio([index], [], doubt).fell
    return Effect(
        site=site,
        before_weeks=len(blocks.used(index, after=False)),
        after_weeks=len(blocks.used(index, after=True)),
        count_before=int(blocks.total(index, after=False)),
        count_after=int(blocks.total(index, after=True)),
        measured_before_h=float(blocks.measured_h[index, : blocks.weeks].sum()),
        measured_after_h=float(blocks.measured_h[index, blocks.weeks :].sum()),
        ratio=ratio,
        own_ratio=blocks.ratio([index], [], doubt),
        town_ratio=blocks.ratio(list(range(len(sites))), [], doubt),
        comparison=tuple(sites[k] for k in others),
        dispersion=doubt.dispersion,
        power=_power(blocks, index, others, doubt),
        relapse=_relapse(blocks, index, (after_end - begin) / HOURS_A_WEEK, doubt)
        if fallen
        else None,
        moved_to=_moved(blocks, sites, index, doubt),
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

    def sums(self, chosen: Sequence[int]) -> tuple[float, float, float, float]:
        """Counts before and after, and what was expected then, of several sites."""
        rows = list(chosen)
        count, expected = self.count[rows].sum(axis=0), self.expected[rows].sum(axis=0)
        cut = self.weeks
        return (
            float(count[:cut].sum()), float(count[cut:].sum()),
            float(expected[:cut].sum()), float(expected[cut:].sum()),
        )  # fmt: skip

    def ratio(
        self, chosen: Sequence[int], others: Sequence[int], doubt: _Doubt, sites: int = 1
    ) -> Ratio:
        """After/before of `chosen` against `others`; `sites` is how many are tried at once."""
        log_ratio, variance = _log_ratio(*self.sums(chosen))
        if others:
            other, other_variance = _log_ratio(*self.sums(others))
            log_ratio, variance = log_ratio - other, variance + other_variance
        reach = doubt.reach(sites) * np.sqrt(doubt.dispersion * variance)
        low, middle, high = np.exp([log_ratio - reach, log_ratio, log_ratio + reach])
        return Ratio(float(middle), float(low), float(high))


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
    rates = fit_rates(near, calendar, end_hour=end, what=what, recency=False)
    shape = (len(near), 2 * weeks)
    count, expected, measured_h = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for index, rows in enumerate(near):
        week = (rows.hour - first) // HOURS_A_WEEK
        hours = rows.measured_s / 3600.0
        rate = rates.rate[index].ravel()[cell_index(rows.local, calendar)]
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
    """How much more than Poisson the weekly counts vary, and how well that is known."""

    dispersion: float
    freedom: int

    @classmethod
    def of(cls, blocks: _Blocks) -> _Doubt:
        """Pearson's statistic of weeks about each site's mean before and after."""
        chi2, freedom = 0.0, 0
        for span in (slice(0, blocks.weeks), slice(blocks.weeks, None)):
            count, expected = blocks.count[:, span], blocks.expected[:, span]
            mean = expected * (count.sum(axis=1) / expected.sum(axis=1))[:, np.newaxis]
            known = mean > 0.0
            chi2 += float((np.square(count - mean)[known] / mean[known]).sum())
            freedom += int(known.sum()) - int(known.any(axis=1).sum())
        freedom = max(freedom, 1)
        return cls(max(1.0, chi2 / freedom), freedom)

    def reach(self, tried: int = 1) -> float:
        """How many standard errors a 95 % interval reaches, where so many are tried at once."""
        return float(student.ppf(1.0 - 0.025 / tried, self.freedom))


def _power(blocks: _Blocks, index: int, others: Sequence[int], doubt: _Doubt) -> float:
    before, _, expected_before, expected_after = blocks.sums([index])
    usual = before + _HALF
    variance = 1.0 / usual + 1.0 / (HALVED * usual * expected_after / expected_before)
    if others:
        variance += _log_ratio(*blocks.sums(others))[1]
    distance = -np.log(HALVED) / np.sqrt(doubt.dispersion * variance)
    return float(norm.cdf(distance - doubt.reach()))


def _relapse(blocks: _Blocks, index: int, campaign_weeks: float, doubt: _Doubt) -> Relapse | None:
    before, _, expected_before, _ = blocks.sums([index])
    usual = blocks.expected[index, blocks.weeks :] * before / expected_before
    counts = blocks.count[index, blocks.weeks :]
    return relapse(counts, usual, int(np.ceil(campaign_weeks)), doubt.dispersion)


def _moved(
    blocks: _Blocks, sites: Sequence[str], index: int, doubt: _Doubt
) -> tuple[tuple[str, Ratio], ...]:
    found = []
    tried = max(1, len(sites) - 1)
    for other, name in enumerate(sites):
        rest = [k for k in range(len(sites)) if k not in (index, other)]
        if other != index and rest:
            ratio = blocks.ratio([other], rest, doubt, tried)
            if ratio.rose:
                found.append((name, ratio))
    return tuple(found)
