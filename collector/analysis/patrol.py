"""Where and when to go in the coming week: the windows in which most episodes are expected.

Of all windows of some hours at all sites, those are chosen that together hold the most expected
episodes, exactly, by integer programming. No more windows at once than there are crews, and none
that overlap at one site, so that nothing counts twice; and only hours that were measured for long
enough themselves: what a node did not hear is not known, and is said to be so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from collector.analysis.cells import Floats, cells_by_zone
from collector.analysis.hours import HOURS_A_WEEK, SiteHours
from collector.analysis.rates import Rates, fit_rates, mean_rates, rate_quantile
from collector.analysis.school_calendar import DayType, SchoolCalendar

MIN_MEASURED_H: Final = 3.0
"""Least time that each hour of a window must have been measured, on that hour of the week."""


@dataclass(frozen=True, slots=True)
class Window:
    """A time and place to patrol, with what it rests on.

    Attributes
    ----------
    site : str
    start_hour : int
        Hours since 1970-01-01T00Z.
    hours : int
        How long.
    expected : float
        Episodes expected to begin in it.
    low, high : float
        95 % interval of that expectation; it says how sure the rate is, not how many will come.
    seen : int
        Episodes that began in those hours of the week while measuring.
    measured_h : float
        Least time measured in one of its hours of the week.
    same_day_type : bool
        Whether days of the same type (school day, day off, holiday) were among them.
    """

    site: str
    start_hour: int
    hours: int
    expected: float
    low: float
    high: float
    seen: int
    measured_h: float
    same_day_type: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """The windows of a week, and what they leave out.

    Attributes
    ----------
    first_hour : int
        When the week begins.
    windows : tuple of Window
        Most expected first.
    missed : tuple of Window
        The next best ones.
    expected_met, expected_all : float
        Episodes expected in the windows, and in all measured hours of the week.
    unmeasured_h : dict of str to int
        Hours of the week of each site that were measured too little to be judged.
    """

    first_hour: int
    windows: tuple[Window, ...]
    missed: tuple[Window, ...]
    expected_met: float
    expected_all: float
    unmeasured_h: dict[str, int]


def plan_week(
    tables: Sequence[SiteHours],
    calendar: SchoolCalendar,
    first_hour: int,
    *,
    windows: int = 3,
    hours: int = 2,
    crews: int = 1,
    min_measured_h: float = MIN_MEASURED_H,
) -> Plan:
    """Plan the week that begins at `first_hour` from what was measured before it.

    Parameters
    ----------
    windows, hours : int
        How many, and how long each.
    crews : int
        How many windows may overlap in time.
    min_measured_h : float
        Least time that each hour of a window must have been measured.

    Raises
    ------
    ValueError
        Nothing was measured before that week.
    """
    rates = fit_rates(tables, calendar, end_hour=first_hour)
    zones = [table.time_zone for table in tables]
    return plan_from_rates(
        rates, zones, calendar, first_hour,
        windows=windows, hours=hours, crews=crews, min_measured_h=min_measured_h,
    )  # fmt: skip


def best_of_week(
    tables: Sequence[SiteHours],
    calendar: SchoolCalendar,
    first_hour: int,
    *,
    windows: int = 3,
    hours: int = 2,
) -> list[tuple[str, int]]:
    """Site and first hour of the windows of :func:`plan_week`, without how sure they are.

    At half the cost, for whoever only asks where a plan led.
    """
    rates = mean_rates(tables, calendar, end_hour=first_hour, recency=True)
    cells = _cells([table.time_zone for table in tables], calendar, first_hour)
    judged = _any_type(rates.measured_h, cells) >= MIN_MEASURED_H
    chosen = best_windows(_worth(_taken(rates.rate, cells), judged, hours), windows, hours)
    return [(rates.sites[site], first_hour + start) for site, start in chosen]


def plan_from_rates(
    rates: Rates,
    time_zones: Sequence[str],
    calendar: SchoolCalendar,
    first_hour: int,
    *,
    windows: int = 3,
    hours: int = 2,
    crews: int = 1,
    min_measured_h: float = MIN_MEASURED_H,
) -> Plan:
    """As :func:`plan_week`, from rates that are there already; one time zone a site."""
    week = _week(rates, time_zones, calendar, first_hour)
    judged = week.measured_h >= min_measured_h
    value = _worth(week.expected, judged, hours)
    chosen = best_windows(value, windows, hours, crews)
    left = np.where(_overlapping(chosen, value.shape, hours), -np.inf, value)
    missed = best_windows(left, windows, hours, crews)
    return Plan(
        first_hour=first_hour,
        windows=tuple(week.window(site, start, hours) for site, start in chosen),
        missed=tuple(week.window(site, start, hours) for site, start in missed),
        expected_met=float(sum(value[at] for at in chosen)),
        expected_all=float(week.expected[judged].sum()),
        unmeasured_h={
            site: int(count) for site, count in zip(rates.sites, (~judged).sum(axis=1), strict=True)
        },
    )


def _worth(expected: Floats, judged: NDArray[np.bool_], hours: int) -> Floats:
    """What the window from each start on is worth; -inf where it cannot be judged."""
    return np.where(window_all(judged, hours), window_sums(expected, hours), -np.inf)


def best_windows(value: Floats, windows: int, hours: int, crews: int = 1) -> list[tuple[int, int]]:
    """The windows with the greatest sum of `value`, as (site, start), greatest first.

    Parameters
    ----------
    value : ndarray of shape (sites, starts)
        What each window is worth; windows worth nothing, or -inf, are never chosen.
    windows, hours, crews : int
        How many at most, how long each, and how many may overlap in time.
    """
    worth = np.flatnonzero(value > 0.0)
    if not len(worth) or windows < 1:
        return []
    # Each window stands in the way of so many others at most; with one more, there is always one
    # that is free and better than any that is left out here.
    enough = (windows - 1) * (2 * hours - 1) * value.shape[0] + 1
    best = worth[np.argsort(-value.flat[worth], kind="stable")[:enough]]
    site, start = np.unravel_index(best, value.shape)
    at_time = _covers(start, value.shape[1], hours)
    constraints = [
        LinearConstraint(at_time, ub=np.full(at_time.shape[0], crews)),
        LinearConstraint(np.ones((1, len(best))), ub=[windows]),
    ]
    if crews > 1:
        at_site = _covers(site * (value.shape[1] + hours) + start,
                          value.shape[0] * (value.shape[1] + hours), hours)  # fmt: skip
        constraints.append(LinearConstraint(at_site, ub=np.ones(at_site.shape[0])))
    found = milp(
        -value.flat[best],
        integrality=np.ones(len(best), dtype=np.int64),
        bounds=Bounds(0, 1),
        constraints=constraints,
    )
    if found.x is None:
        raise ArithmeticError(f"no plan was found: {found.message}")
    return [(int(site[k]), int(start[k])) for k in np.flatnonzero(found.x > 0.5)]


def _covers(start: NDArray[np.int64], starts: int, hours: int) -> csr_array:
    """Which windows (columns) last in which hour (rows)."""
    rows = (start[:, np.newaxis] + np.arange(hours)).ravel()
    columns = np.repeat(np.arange(len(start)), hours)
    return csr_array((np.ones(len(rows)), (rows, columns)), shape=(starts + hours, len(start)))


def window_sums(values: Floats, hours: int) -> Floats:
    """Sums over `hours` from each start on, shape (sites, length - hours + 1)."""
    return np.asarray(np.lib.stride_tricks.sliding_window_view(values, hours, axis=1).sum(axis=2))


def window_all(holds: NDArray[np.bool_], hours: int) -> NDArray[np.bool_]:
    """Whether something holds in all `hours` from each start on."""
    return np.asarray(np.lib.stride_tricks.sliding_window_view(holds, hours, axis=1).all(axis=2))


def _overlapping(
    chosen: Sequence[tuple[int, int]], shape: tuple[int, ...], hours: int
) -> NDArray[np.bool_]:
    overlaps = np.zeros(shape, dtype=np.bool_)
    for site, start in chosen:
        overlaps[site, max(0, start - hours + 1) : start + hours] = True
    return overlaps


@dataclass(frozen=True, slots=True)
class _Week:
    """The hours of one week; arrays of shape (sites, 168)."""

    sites: tuple[str, ...]
    first_hour: int
    expected: Floats
    shape: Floats
    mean_shape: Floats
    seen: Floats
    measured_h: Floats
    same_type_h: Floats

    def window(self, site: int, start: int, hours: int) -> Window:
        """The window at a place, with its interval.

        Its hours share what they rest on, so they are taken to be wrong together.
        """
        span = (site, slice(start, start + hours))
        expected = self.expected[span]
        mean = float(expected.sum())
        shape, mean_shape = (
            np.full(2, (values[span] * expected).sum() / mean)
            for values in (self.shape, self.mean_shape)
        )
        limits = rate_quantile(np.full(2, mean), shape, mean_shape, np.array([0.025, 0.975]))
        return Window(
            site=self.sites[site],
            start_hour=self.first_hour + start,
            hours=hours,
            expected=mean,
            low=float(limits[0]),
            high=float(limits[1]),
            seen=int(self.seen[span].sum()),
            measured_h=float(self.measured_h[span].min()),
            same_day_type=bool((self.same_type_h[span] > 0.0).all()),
        )


def _week(
    rates: Rates, time_zones: Sequence[str], calendar: SchoolCalendar, first_hour: int
) -> _Week:
    cells = _cells(time_zones, calendar, first_hour)
    return _Week(
        sites=rates.sites,
        first_hour=first_hour,
        expected=_taken(rates.rate, cells),
        shape=_taken(rates.shape, cells),
        mean_shape=_taken(rates.mean_shape, cells),
        seen=_any_type(rates.count, cells),
        measured_h=_any_type(rates.measured_h, cells),
        same_type_h=_taken(rates.measured_h, cells),
    )


def _cells(
    time_zones: Sequence[str], calendar: SchoolCalendar, first_hour: int
) -> NDArray[np.int64]:
    """Where the hours of a week stand among the cells of each site, shape (sites, 168)."""
    places = cells_by_zone(set(time_zones), calendar, first_hour, first_hour + HOURS_A_WEEK)
    return np.array([places[zone] for zone in time_zones])


def _taken(values: Floats, cells: NDArray[np.int64]) -> Floats:
    """The values of those hours, of shape (sites, 168)."""
    flat = values.reshape(len(values), len(DayType) * HOURS_A_WEEK)
    return np.asarray(np.take_along_axis(flat, cells, axis=1))


def _any_type(values: Floats, cells: NDArray[np.int64]) -> Floats:
    """The same, of days of all types."""
    return np.asarray(np.take_along_axis(values.sum(axis=1), cells % HOURS_A_WEEK, axis=1))
