"""How figures become points: local days and weeks, missing numbers, and when what always holds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from collector.outputs.line_protocol import FieldValue, Measurement, nanoseconds

ALWAYS: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Time of points that say how things are now, so that each writes over the last one."""

DAY: Final = timedelta(days=1)
WEEK: Final = timedelta(weeks=1)


def point(
    measurement: Measurement,
    tags: Iterable[str],
    values: Mapping[str, FieldValue],
    at: datetime = ALWAYS,
    extra_ns: int = 0,
) -> Iterator[str]:
    """Yield the line of a point, or nothing where all its values are missing.

    `extra_ns` (below 1000) keeps points of one series apart that are of the same time.
    """
    line = measurement.line(measurement.series(*tags), values, nanoseconds(at) + extra_ns)
    if line is not None:
        yield line


def milliseconds(at: datetime) -> int:
    """Milliseconds since 1970, as Grafana takes times that are values."""
    return nanoseconds(at) // 1_000_000


def known(value: float | None) -> float | None:
    """`value`, or None where it is NaN."""
    return None if value is None or math.isnan(value) else value


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a local day begins, in UTC."""
    return datetime.combine(day, time(0), zone).astimezone(UTC)


def local_day(at: datetime, zone: ZoneInfo) -> date:
    """The local day in which `at` lies."""
    return at.astimezone(zone).date()


def monday(day: date) -> date:
    """The first day of its week (ISO 8601)."""
    return day - timedelta(days=day.weekday())
