"""Which posted limit held when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

_MINUTES_A_DAY = 24 * 60


class SpeedLimit(Protocol):
    """A posted limit: on `weekdays` (ISO, Monday is 1) between two local times of day."""

    @property
    def kmh(self) -> float:
        """The limit."""

    @property
    def since(self) -> datetime:
        """From when on it holds."""

    @property
    def weekdays(self) -> tuple[int, ...]:
        """The days on which it begins."""

    @property
    def from_time(self) -> str:
        """When it begins, such as 07:00."""

    @property
    def to_time(self) -> str:
        """When it ends."""


def limits_at(
    limits: Sequence[SpeedLimit], times: Iterable[datetime], time_zone: str
) -> list[float | None]:
    """The limit in km/h at each of `times` (aware) at one site; None: none is known to have held.

    A limit for the same days and hours replaces an earlier one. Of those that hold at a moment,
    the one for the fewest hours of the week counts: a limit for school hours over the usual one.
    """
    zone = ZoneInfo(time_zone)
    ordered = sorted(limits, key=lambda limit: (_minutes_a_week(limit), -limit.since.timestamp()))
    return [_limit_at(ordered, at, zone) for at in times]


def _limit_at(ordered: Iterable[SpeedLimit], at: datetime, zone: ZoneInfo) -> float | None:
    local = at.astimezone(zone)
    # Sorted so that what replaces another comes before it.
    return next((one.kmh for one in ordered if one.since <= at and _holds(one, local)), None)


def _holds(limit: SpeedLimit, local: datetime) -> bool:
    minute = local.hour * 60 + local.minute
    begin, end = _minute(limit.from_time), _minute(limit.to_time)
    if begin < end:
        return begin <= minute < end and local.isoweekday() in limit.weekdays
    # Over midnight: the days named are those on which it begins.
    if minute >= begin:
        return local.isoweekday() in limit.weekdays
    yesterday = local.date() - timedelta(days=1)
    return minute < end and yesterday.isoweekday() in limit.weekdays


def _minutes_a_week(limit: SpeedLimit) -> int:
    begin, end = _minute(limit.from_time), _minute(limit.to_time)
    return len(limit.weekdays) * ((end - begin) % _MINUTES_A_DAY or _MINUTES_A_DAY)


def _minute(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)
