"""The days that counts are kept by: 24 hours from early in the morning on, where this is used."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from collector.analysis.crowds import Span

HOURS: Final = 24
DAY: Final = timedelta(hours=HOURS)
DAY_BEGINS: Final = timedelta(hours=3)
"""When a day begins, UTC."""

_FIRST_DAY: Final = datetime(1970, 1, 1, tzinfo=UTC) + DAY_BEGINS


class SiteDay(NamedTuple):
    """A site, when its day begins, and whether it is of what never happened."""

    site: str
    begins: datetime
    simulated: bool

    @property
    def span(self) -> Span:
        """The day's time."""
        return Span(self.begins, self.begins + DAY)


def day_of(at: datetime) -> datetime:
    """When the day begins in which `at` lies."""
    return at - (at - _FIRST_DAY) % DAY
