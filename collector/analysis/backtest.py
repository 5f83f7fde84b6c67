"""How good the plans would have been: each week planned from those before it, then compared.

Beside the plan stand the best windows that week could have had, and a raw heat map: the same
windows chosen by plain counts by hour of the week, with no regard to how long was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from collector.analysis.cells import Floats, count_cells
from collector.analysis.coverage import TrueRates
from collector.analysis.hours import HOURS_A_WEEK, SiteHours, local_hours
from collector.analysis.patrol import Plan, best_windows, plan_from_rates, window_sums
from collector.analysis.rates import Rates, fit_rates
from collector.analysis.school_calendar import SchoolCalendar

TRAINING_WEEKS: Final = 6


@dataclass(frozen=True, slots=True)
class WeekTest:
    """One week: episodes that windows chosen in three ways would have met.

    They are expected ones where the truth is known, and counted ones where it is not.

    Attributes
    ----------
    first_hour : int
    plan : Plan
    met, raw_met, best : float
        By the plan, by the raw heat map, and by the best windows of all.
    all : float
        All episodes of that week.
    """

    first_hour: int
    plan: Plan
    met: float
    raw_met: float
    best: float
    all: float


@dataclass(frozen=True, slots=True)
class Backtest:
    """All weeks that could be tested."""

    weeks: tuple[WeekTest, ...]

    @property
    def share(self) -> float:
        """What the plans met of the best possible; NaN where nothing happened."""
        return self._of_best("met")

    @property
    def raw_share(self) -> float:
        """What the raw heat maps met of it."""
        return self._of_best("raw_met")

    def _of_best(self, name: str) -> float:
        best = sum(week.best for week in self.weeks)
        return sum(getattr(week, name) for week in self.weeks) / best if best else float("nan")


def backtest(
    tables: Sequence[SiteHours],
    calendar: SchoolCalendar,
    *,
    truth: TrueRates | None = None,
    training_weeks: int = TRAINING_WEEKS,
    windows: int = 3,
    hours: int = 2,
    end_hour: int | None = None,
) -> Backtest:
    """Plan every week of `tables` that has `training_weeks` before it, and see what it would meet.

    Parameters
    ----------
    truth : TrueRates, optional
        Without it, episodes that were counted stand in.
    end_hour : int, optional
        Where the last week ends, by default with the data.

    Raises
    ------
    ValueError
        Nothing was measured.
    """
    known = [table for table in tables if len(table)]
    if not known:
        raise ValueError("there is no measured hour")
    first = min(int(table.hour[0]) for table in known)
    end = end_hour if end_hour is not None else 1 + max(int(table.hour[-1]) for table in known)
    span = training_weeks * HOURS_A_WEEK
    tested = []
    for begin in range(first + span, end - HOURS_A_WEEK + 1, HOURS_A_WEEK):
        before = [table.between(begin - span, begin) for table in tables]
        happened = np.array([_happened(table, begin, truth) for table in tables])
        tested.append(_tested(before, calendar, begin, happened, windows, hours))
    return Backtest(tuple(tested))


def raw_heat_map(tables: Sequence[SiteHours], calendar: SchoolCalendar, begin: int) -> Floats:
    """Plain counts by site and hour of the week that begins at `begin`, shape (sites, 168)."""
    counts = count_cells(tables, calendar, end_hour=begin).count.sum(axis=(0, 2))
    return _by_hour_of_week(tables, counts, begin)


def _tested(
    before: Sequence[SiteHours],
    calendar: SchoolCalendar,
    begin: int,
    happened: Floats,
    windows: int,
    hours: int,
) -> WeekTest:
    rates: Rates = fit_rates(before, calendar, end_hour=begin)
    zones = [table.time_zone for table in before]
    plan = plan_from_rates(rates, zones, calendar, begin, windows=windows, hours=hours)
    sites = [table.site for table in before]
    chosen = [(sites.index(one.site), one.start_hour - begin) for one in plan.windows]
    value = window_sums(happened, hours)
    heat = window_sums(raw_heat_map(before, calendar, begin), hours)
    return WeekTest(
        first_hour=begin,
        plan=plan,
        met=float(sum(value[at] for at in chosen)),
        raw_met=float(sum(value[at] for at in best_windows(heat, windows, hours))),
        best=float(sum(value[at] for at in best_windows(value, windows, hours))),
        all=float(happened.sum()),
    )


def _happened(table: SiteHours, begin: int, truth: TrueRates | None) -> Floats:
    week = np.zeros(HOURS_A_WEEK)
    if truth is None:
        rows = table.between(begin, begin + HOURS_A_WEEK)
        week[rows.hour - begin] = rows.episodes
        return week
    first, expected = truth[table.site]
    known = expected[max(0, begin - first) : max(0, begin - first + HOURS_A_WEEK)]
    week[: len(known)] = known
    return week


def _by_hour_of_week(tables: Sequence[SiteHours], values: Floats, begin: int) -> Floats:
    hours = np.arange(begin, begin + HOURS_A_WEEK, dtype=np.int64)
    local = [local_hours(hours, table.time_zone).hour_of_week for table in tables]
    return np.asarray(np.take_along_axis(values, np.array(local), axis=1))
