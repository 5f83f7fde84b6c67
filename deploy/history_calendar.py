"""The rhythm of a school street: hours in local time, school days, weather."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
BoolArray: TypeAlias = NDArray[np.bool_]

# Weeks without school in the west of Sweden: sports and autumn break.
_BREAK_WEEKS = frozenset({7, 44})


@dataclass(frozen=True, slots=True)
class Hours:
    """Consecutive hours with what sets their rhythm; all arrays have one value an hour.

    Attributes
    ----------
    start : datetime
        UTC time at which the first hour begins.
    hour, weekday : ndarray
        Local hour of the day; weekday with Monday as 0.
    school : ndarray
        Whether the school is open that day.
    rain_db, wind : ndarray
        What rain adds to the background in decibels; whether gusts disturb the microphone.
    """

    start: datetime
    hour: NDArray[np.int64]
    weekday: NDArray[np.int64]
    school: BoolArray
    rain_db: FloatArray
    wind: BoolArray

    def __len__(self) -> int:
        return len(self.hour)


def seed_of(*parts: str | int) -> int:
    """A seed for random numbers out of names and numbers, the same in every process."""
    text = "\0".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])


def hours(site: str, start: datetime, count: int, time_zone: str) -> Hours:
    """The `count` hours from `start` at `site`; the weather is the site's, not a node's."""
    zone = ZoneInfo(time_zone)
    local = [(start + timedelta(hours=n)).astimezone(zone) for n in range(count)]
    rng = np.random.default_rng(seed_of("weather", site, start.isoformat()))
    day = np.arange(count) // 24
    wet_day = rng.random(day[-1] + 1) < 0.3
    wet = wet_day[day] & (rng.random(count) < 0.45)
    windy_day = rng.random(day[-1] + 1) < 0.2
    return Hours(
        start=start,
        hour=np.array([time.hour for time in local]),
        weekday=np.array([time.weekday() for time in local]),
        school=np.array([is_school_day(time.date()) for time in local]),
        rain_db=np.where(wet, rng.uniform(2.0, 8.0, count), 0.0),
        wind=windy_day[day] & (rng.random(count) < 0.4),
    )


def is_school_day(day: date) -> bool:
    """Whether an ordinary Swedish school is open: no weekend, break or holidays."""
    summer = (6, 14) <= (day.month, day.day) <= (8, 17)
    christmas = (day.month, day.day) >= (12, 21) or (day.month, day.day) <= (1, 7)
    on_break = day.isocalendar().week in _BREAK_WEEKS
    return day.weekday() < 5 and not (summer or christmas or on_break)
