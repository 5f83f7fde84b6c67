"""Counts and measured hours by week, site, day type and hour of the local week."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from collector.analysis.hours import HOURS_A_WEEK, LocalHours, SiteHours, local_hours
from collector.analysis.school_calendar import DayType, SchoolCalendar

Floats: TypeAlias = NDArray[np.float64]
What: TypeAlias = Literal["episodes", "events"]

TYPES: Final = len(DayType)
_CELLS: Final = TYPES * HOURS_A_WEEK


@dataclass(frozen=True, slots=True)
class Cells:
    """What was counted and for how long, cut into weeks that end at one moment.

    Attributes
    ----------
    sites : tuple of str
    count, measured_h : ndarray of shape (weeks, sites, day types, 168)
        The last axis is the hour of the local week, Monday 00-01 first.
    """

    sites: tuple[str, ...]
    count: Floats
    measured_h: Floats

    @property
    def weeks(self) -> int:
        """How many there are; the first may be a part of one."""
        return len(self.count)


def count_cells(
    tables: Sequence[SiteHours],
    calendar: SchoolCalendar,
    *,
    end_hour: int | None = None,
    what: What = "episodes",
) -> Cells:
    """Cut the hours of `tables` into weeks that end at `end_hour` (by default with the data).

    Raises
    ------
    ValueError
        A site comes twice, or no hour is before `end_hour`.
    """
    sites = tuple(table.site for table in tables)
    if len(set(sites)) < len(sites):
        raise ValueError("each site may have one table only")
    known = [table for table in tables if len(table)]
    if not known:
        raise ValueError("there is no measured hour")
    end = end_hour if end_hour is not None else 1 + max(int(table.hour[-1]) for table in known)
    first = min(int(table.hour[0]) for table in known)
    weeks = -((first - end) // HOURS_A_WEEK)
    if weeks <= 0:
        raise ValueError("there is no measured hour before the end")
    shape = (weeks, len(sites), TYPES, HOURS_A_WEEK)
    count, measured_h = np.zeros(shape), np.zeros(shape)
    places = cells_by_zone({table.time_zone for table in tables}, calendar, first, end)
    for index, table in enumerate(tables):
        rows = table.between(first, end)
        week = weeks - 1 - (end - 1 - rows.hour) // HOURS_A_WEEK
        cell = week * _CELLS + places[table.time_zone][rows.hour - first]
        for cells, values in ((count, getattr(rows, what)), (measured_h, rows.measured_s / 3600.0)):
            summed = np.bincount(cell, values, minlength=weeks * _CELLS)
            cells[:, index] = summed.reshape(weeks, TYPES, HOURS_A_WEEK)
    return Cells(sites, count, measured_h)


def cells_by_zone(
    time_zones: Collection[str], calendar: SchoolCalendar, first_hour: int, end_hour: int
) -> dict[str, NDArray[np.int64]]:
    """Place of each hour within [`first_hour`, `end_hour`) among the cells, by time zone.

    There are many sites in one zone: it is looked up once for all.
    """
    hours = np.arange(first_hour, end_hour, dtype=np.int64)
    return {zone: cell_index(local_hours(hours, zone), calendar) for zone in time_zones}


def cell_index(local: LocalHours, calendar: SchoolCalendar) -> NDArray[np.int64]:
    """Place of each hour among the cells of a week, day type first."""
    types = calendar.day_types(local.day).astype(np.int64)
    return types * HOURS_A_WEEK + local.hour_of_week
