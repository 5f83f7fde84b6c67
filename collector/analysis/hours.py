"""Hours of a site: what was measured and what happened, and what time it was there.

The one table that projections fill and statistics read. Hours are UTC, whole, and counted from
1970-01-01T00Z, so that no hour is missing or doubled where clocks change; local time is derived.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]

HOURS_A_WEEK: Final = 168
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# 1970-01-01 was a Thursday.
_FIRST_WEEKDAY: Final = 3
_BLOCK: Final = 366 * 24


@dataclass(frozen=True, slots=True)
class SiteHours:
    """One site, one row an hour (UTC), only hours of which anything is known.

    Attributes
    ----------
    site : str
    time_zone : str
        IANA name.
    hour : ndarray of shape (n,)
        Hours since 1970-01-01T00Z, strictly rising.
    measured_s : ndarray of shape (n,)
        Validly measured seconds, 0 to 3600.
    events : ndarray of shape (n,)
        Confirmed vehicle events that began in the hour.
    unconfirmed : ndarray of shape (n,)
        Events of unsure source.
    episodes : ndarray of shape (n,)
        Episodes that began in the hour.

    Raises
    ------
    ValueError
        The arrays differ in length, or the hours do not rise.
    """

    site: str
    time_zone: str
    hour: Ints
    measured_s: Ints
    events: Ints
    unconfirmed: Ints
    episodes: Ints

    def __post_init__(self) -> None:
        columns = (self.measured_s, self.events, self.unconfirmed, self.episodes)
        if any(column.shape != self.hour.shape for column in columns):
            raise ValueError(f"the columns of {self.site} must be of equal length")
        if np.any(np.diff(self.hour) <= 0):
            raise ValueError(f"the hours of {self.site} must rise strictly")

    def __len__(self) -> int:
        return len(self.hour)

    @property
    def local(self) -> LocalHours:
        """What time it was at the site."""
        return local_hours(self.hour, self.time_zone)

    def between(self, first_hour: int, end_hour: int) -> SiteHours:
        """The rows within [`first_hour`, `end_hour`)."""
        low, high = np.searchsorted(self.hour, (first_hour, end_hour))
        rows = slice(int(low), int(high))
        return SiteHours(
            site=self.site,
            time_zone=self.time_zone,
            hour=self.hour[rows],
            measured_s=self.measured_s[rows],
            events=self.events[rows],
            unconfirmed=self.unconfirmed[rows],
            episodes=self.episodes[rows],
        )


@dataclass(frozen=True, slots=True)
class LocalHours:
    """Local time at which each hour begins; all arrays of shape (n,).

    Attributes
    ----------
    day : ndarray
        Local date in days since 1970-01-01.
    weekday : ndarray
        0 is Monday.
    hour_of_day : ndarray
        0 to 23; on the day with 25 hours one of them comes twice, on that with 23 one is left out.
    """

    day: Ints
    weekday: Ints
    hour_of_day: Ints

    @property
    def hour_of_week(self) -> Ints:
        """0 (Monday 00-01) to 167 (Sunday 23-24)."""
        return self.weekday * 24 + self.hour_of_day


def local_hours(hour: Ints, time_zone: str) -> LocalHours:
    """Local time of hours since 1970-01-01T00Z in an IANA time zone."""
    if not len(hour):
        return LocalHours(hour, hour, hour)
    first = int(hour.min()) // _BLOCK
    blocks = [_block(time_zone, n) for n in range(first, int(hour.max()) // _BLOCK + 1)]
    index = hour - first * _BLOCK
    return LocalHours(
        day=np.concatenate([block.day for block in blocks])[index],
        weekday=np.concatenate([block.weekday for block in blocks])[index],
        hour_of_day=np.concatenate([block.hour_of_day for block in blocks])[index],
    )


@lru_cache(maxsize=256)
def _block(time_zone: str, number: int) -> LocalHours:
    """Local time of a year or so of hours: looked up, since there are many sites in one zone."""
    hour = np.arange(number * _BLOCK, (number + 1) * _BLOCK, dtype=np.int64)
    since, minutes = _offset_changes(time_zone, int(hour[0]), int(hour[-1]) + 1)
    offset = minutes[np.searchsorted(since, hour, side="right") - 1]
    day, minute = np.divmod(hour * 60 + offset, 24 * 60)
    return LocalHours(day, (day + _FIRST_WEEKDAY) % 7, minute // 60)


def _offset_changes(time_zone: str, first_hour: int, end_hour: int) -> tuple[Ints, Ints]:
    """From which hours on within [`first_hour`, `end_hour`) which offsets in minutes hold."""
    zone = ZoneInfo(time_zone)
    since, minutes = [first_hour], [_offset(zone, first_hour)]
    for begin in range(first_hour, end_hour, 24):
        end = min(begin + 24, end_hour) - 1
        if _offset(zone, end) == minutes[-1]:
            continue
        low, high = begin - 1, end
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _offset(zone, middle) == minutes[-1] else (low, middle)
        since.append(high)
        minutes.append(_offset(zone, high))
    return np.array(since, dtype=np.int64), np.array(minutes, dtype=np.int64)


def _offset(zone: ZoneInfo, hour: int) -> int:
    offset = time_of(hour).astimezone(zone).utcoffset() or timedelta(0)
    return offset // timedelta(minutes=1)


def time_of(hour: int) -> datetime:
    """The moment at which an hour begins."""
    return _EPOCH + timedelta(hours=hour)


def hour_at(time: datetime) -> int:
    """The hour in which an aware `time` lies."""
    return (time - _EPOCH) // timedelta(hours=1)
