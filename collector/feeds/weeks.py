"""Plans for whole local weeks, which stay as they are once their week has begun.

The numbers are those of ``skolro patterns plan --to MONDAY``: a week is planned from what was
measured before its Monday.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from collector.analysis.hours import time_of
from collector.analysis.patrol import Plan, Window
from collector.analysis.school_calendar import SchoolCalendar
from collector.errors import AnalysisError
from collector.ledger.ledger import Ledger
from collector.pattern_answers import HALF_A_YEAR, hours_in, period_before, planned_week
from collector.registry.inventory import Site

_NAMED: Final = re.compile(r"[12]\d{3}-W\d\d")
_WEEK: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class PlannedWindow:
    """A window of a plan with its place and local times; `rank` 1 is the best of its week."""

    week: str
    rank: int
    site: Site
    start: datetime
    end: datetime
    window: Window


@dataclass(frozen=True, slots=True)
class PlannedWeek:
    """A local week's plan.

    Attributes
    ----------
    name : str
        As ISO 8601 writes it, such as ``2026-W48``.
    begins : datetime
        Its Monday, local.
    windows : tuple of PlannedWindow
        In order of time.
    plan : Plan
        What they are taken from.
    simulated : bool
        Whether nothing that it rests on was measured.
    """

    name: str
    begins: datetime
    windows: tuple[PlannedWindow, ...]
    plan: Plan
    simulated: bool


def weeks_around(now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The Monday of the local week that `now` lies in, and the one after."""
    today = now.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday())
    return _midnight(monday, zone), _midnight(monday + _WEEK, zone)


def week_named(name: str, zone: ZoneInfo) -> datetime:
    """The Monday of the week that somebody named.

    Raises
    ------
    AnalysisError
        There is no such week.
    """
    year, _, number = name.partition("-W") if _NAMED.fullmatch(name) else ("0", "", "0")
    try:
        return _midnight(date.fromisocalendar(int(year), int(number), 1), zone)
    except ValueError as error:
        raise AnalysisError(f"{name[:20]!r} is no week: write it as 2026-W48") from error


def plan_of_week(
    ledger: Ledger,
    calendar: SchoolCalendar,
    begins: datetime,
    *,
    windows: int = 3,
    hours: int = 2,
) -> PlannedWeek | None:
    """The plan of the week from a local Monday on; None: nothing was measured before it."""
    period = period_before(ledger, begins.astimezone(UTC), HALF_A_YEAR)
    tables = hours_in(ledger, period)
    if not tables:
        return None
    try:
        plan = planned_week(tables, calendar, period.end, windows=windows, hours=hours)
    except AnalysisError:
        return None
    sites = ledger.registry.recent_inventory().sites
    name = f"{begins:%G-W%V}"
    made = [_window(name, rank, one, sites) for rank, one in enumerate(plan.windows, start=1)]
    return PlannedWeek(
        name, begins, tuple(sorted(made, key=lambda one: one.start)), plan, period.simulated
    )


def _window(week: str, rank: int, one: Window, sites: Mapping[str, Site]) -> PlannedWindow:
    site = sites[one.site]
    zone = ZoneInfo(site.time_zone)
    start, end = (time_of(hour).astimezone(zone) for hour in _ends(one))
    return PlannedWindow(week, rank, site, start, end, one)


def _ends(one: Window) -> tuple[int, int]:
    return one.start_hour, one.start_hour + one.hours


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)
