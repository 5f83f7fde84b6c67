"""Hours of the day as people write them: ``22:00-06:00`` is over midnight."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo


def within(hours: str, now: datetime, time_zone: str) -> bool:
    """Whether it is such a time of day there; from and to the same time is all day."""
    begin, end = (time.fromisoformat(part) for part in hours.split("-"))
    clock = now.astimezone(ZoneInfo(time_zone)).time()
    if begin < end:
        return begin <= clock < end
    return clock >= begin or clock < end
