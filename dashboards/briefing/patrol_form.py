"""What somebody wrote in the form of a patrol: a patrol, or what is wrong field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from collector.registry.registry import Patrol, Site

LONGEST: Final = timedelta(hours=24)
LONGEST_NOTE: Final = 500

_AHEAD: Final = timedelta(minutes=15)
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)

Faults: TypeAlias = Mapping[str, str]
"""By field, the key of the text that says what is wrong."""


@dataclass(frozen=True, slots=True)
class PatrolForm:
    """The fields as they were sent; times are local to the site, such as 2026-11-27T21:00."""

    site: str = ""
    start: str = ""
    end: str = ""
    note: str = ""
    version: int = 1

    @classmethod
    def of(cls, patrol: Patrol, site: Site) -> PatrolForm:
        """The fields that a patrol fills."""
        zone = ZoneInfo(site.time_zone)
        start, end = (_written(moment, zone) for moment in (patrol.start, patrol.end))
        return cls(patrol.site, start, end, patrol.note, patrol.version)

    def patrol(
        self, sites: Mapping[str, Site], now: datetime, by: str, number: int | None = None
    ) -> tuple[Patrol | None, Faults]:
        """The patrol that the fields describe; None where something is wrong, and what is."""
        site = sites.get(self.site)
        if site is None:
            return None, {"site": "patrol.wrong_site"}
        zone = ZoneInfo(site.time_zone)
        start, end = (_moment(text, zone) for text in (self.start, self.end))
        faults = _faults(start, end, now)
        if len(self.note) > LONGEST_NOTE:
            faults["note"] = "patrol.wrong_note"
        if faults or start is None or end is None:
            return None, faults
        made = Patrol(site=self.site, start=start, end=end, note=self.note.strip(), changed_by=by)
        return replace(made, id=number, version=self.version), {}


def _faults(start: datetime | None, end: datetime | None, now: datetime) -> dict[str, str]:
    if start is None:
        return {"start": "patrol.wrong_time"}
    if end is None:
        return {"end": "patrol.wrong_time"}
    if not _EARLIEST <= start <= now + _AHEAD:
        return {"start": "patrol.wrong_future" if start > now else "patrol.wrong_time"}
    if end <= start:
        return {"end": "patrol.wrong_order"}
    if end - start > LONGEST:
        return {"end": "patrol.wrong_length"}
    return {}


def _moment(text: str, zone: ZoneInfo) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _written(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%dT%H:%M}"
