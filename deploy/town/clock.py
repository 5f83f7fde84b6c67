"""The hours of a town: local time, school days, weather; and seeds made of names."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from collector.analysis.hours import Ints, hour_at, local_hours, time_of
from collector.analysis.school_calendar import DayType, SchoolCalendar

FloatArray: TypeAlias = NDArray[np.float64]
BoolArray: TypeAlias = NDArray[np.bool_]

WET_DAYS: Final = 0.3
"""Share of days on which rain keeps people indoors in the evening."""

_ARRAYS: Final = ("day", "weekday", "hour_of_day", "day_type", "wet", "rain_db", "wind")


@dataclass(frozen=True, slots=True)
class Clock:
    """Consecutive hours of a town; all arrays have one value an hour.

    Attributes
    ----------
    first_hour : int
        Hours since 1970-01-01T00Z.
    day, weekday, hour_of_day : ndarray
        Local date (days since 1970-01-01), weekday (0 is Monday) and hour.
    day_type : ndarray
        :class:`DayType` of the local date.
    wet : ndarray of bool
        Whether the local date is a wet one.
    rain_db, wind : ndarray
        What rain adds to the background in decibels; whether gusts disturb the microphones.
    """

    first_hour: int
    time_zone: str
    calendar: SchoolCalendar
    day: Ints
    weekday: Ints
    hour_of_day: Ints
    day_type: NDArray[np.int8]
    wet: BoolArray
    rain_db: FloatArray
    wind: BoolArray

    def __len__(self) -> int:
        return len(self.day)

    @property
    def start(self) -> datetime:
        """When the first hour begins."""
        return time_of(self.first_hour)

    @property
    def school(self) -> BoolArray:
        """Whether the school is open that day."""
        return np.asarray(self.day_type == DayType.SCHOOL)

    @property
    def dates(self) -> list[date]:
        """The local dates that the hours touch."""
        return [date(1970, 1, 1) + timedelta(days=int(day)) for day in np.unique(self.day)]

    def until(self, count: int) -> Clock:
        """The first `count` hours."""
        return replace(
            self,
            **{name: getattr(self, name)[:count] for name in _ARRAYS},
        )

    def is_wet(self, day: date) -> bool:
        """Whether a local date within the hours is a wet one."""
        number = (day - date(1970, 1, 1)).days
        return bool(self.wet[min(int(np.searchsorted(self.day, number)), len(self) - 1)])

    def noon(self, day: date) -> float:
        """Local noon of a date, in hours since the first one begins."""
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(self.time_zone))
        return (noon - self.start) / timedelta(hours=1)


def clock(
    seed: int, start: datetime, count: int, calendar: SchoolCalendar, time_zone: str
) -> Clock:
    """The `count` hours from `start` on, with the weather of that seed."""
    first = hour_at(start)
    local = local_hours(np.arange(first, first + count, dtype=np.int64), time_zone)
    rng = np.random.default_rng(seed_of("weather", seed))
    number = local.day - local.day[0]
    days = int(number[-1]) + 1
    wet = (rng.random(days) < WET_DAYS)[number]
    windy = (rng.random(days) < 0.2)[number]
    raining = wet & (rng.random(count) < 0.45)
    return Clock(
        first_hour=first,
        time_zone=time_zone,
        calendar=calendar,
        day=local.day,
        weekday=local.weekday,
        hour_of_day=local.hour_of_day,
        day_type=calendar.day_types(local.day),
        wet=wet,
        rain_db=np.where(raining, rng.uniform(2.0, 8.0, count), 0.0),
        wind=windy & (rng.random(count) < 0.4),
    )


def seed_of(*parts: str | int) -> int:
    """A seed for random numbers out of names and numbers, the same in every process."""
    text = "\0".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
