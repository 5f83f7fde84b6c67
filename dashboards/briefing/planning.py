"""What the briefing tells: the week's plan, what it rests on, what is new, whether patrols helped.

Every number is the analysis' own: :mod:`collector.pattern_answers`, as ``skolro patterns`` asks it.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from collector.analysis.effect import Effect
from collector.analysis.episodes import Episode, ReasonCode
from collector.analysis.hours import HOURS_A_WEEK, SiteHours, hour_at, time_of
from collector.analysis.patrol import Plan, Window
from collector.analysis.school_calendar import SchoolCalendar
from collector.errors import AnalysisError, CollectorError
from collector.ledger.ledger import Ledger
from collector.pattern_answers import (
    HALF_A_YEAR,
    Period,
    effect_at,
    hours_in,
    period_before,
    planned_times,
    planned_week,
)
from collector.registry.registry import Inventory, Site
from dashboards.briefing.cache import Cache

WEEK: Final = timedelta(weeks=1)
USUAL_WINDOWS: Final = 3
USUAL_HOURS: Final = 2

_log = logging.getLogger(__name__)

_KEPT_S: Final = 60.0
_MOST_EFFECTS: Final = 2
_LATEST: Final = 3

T = TypeVar("T", bound="PlannedTime")


@dataclass(frozen=True, slots=True)
class Why:
    """What spoke for a window: episodes in those hours of the week, and their commonest reasons."""

    reasons: tuple[tuple[ReasonCode, int], ...]
    episodes: int
    latest: tuple[Episode, ...]


@dataclass(frozen=True, slots=True)
class PlannedTime:
    """Where and when a plan leads: `start` and `end` are local, `hours` what lies between."""

    site: Site
    start: datetime
    end: datetime
    hours: int

    @classmethod
    def at(cls, site: Site, start: datetime, hours: int) -> PlannedTime:
        """So many hours at a site from a moment on."""
        zone = ZoneInfo(site.time_zone)
        end = start + timedelta(hours=hours)
        return cls(site, start.astimezone(zone), end.astimezone(zone), hours)

    @property
    def hours_of_week(self) -> frozenset[int]:
        """Its local hours, Monday 00-01 being 0."""
        first = self.start.weekday() * 24 + self.start.hour
        return frozenset((first + n) % HOURS_A_WEEK for n in range(self.hours))


@dataclass(frozen=True, slots=True)
class PlannedWindow(PlannedTime):
    """A window of the plan."""

    window: Window


@dataclass(frozen=True, slots=True)
class ExplainedWindow(PlannedWindow):
    """A window of the plan, and what speaks for it."""

    why: Why


@dataclass(frozen=True, slots=True)
class WeekCount:
    """What a week had: episodes, confirmed passes, and how much of it was measured."""

    episodes: int
    passes: int
    measured_h: float
    possible_h: float

    @property
    def coverage(self) -> float:
        """Measured part of it, 0 to 1."""
        return self.measured_h / self.possible_h if self.possible_h else 0.0


@dataclass(frozen=True, slots=True)
class LastEffect:
    """What followed the patrols at a site, or why that cannot be told."""

    site: Site
    last_patrol: datetime
    patrols: int
    effect: Effect | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Briefing:
    """All of it.

    Attributes
    ----------
    first_known : datetime, optional
        When the first hour began that is known at all.
    plan : Plan, optional
        None: nothing was measured, so there is none.
    windows : tuple of ExplainedWindow
        Those of the plan, in order of time.
    missed : tuple of PlannedWindow
        The next best ones.
    earlier : tuple of PlannedTime
        The plan of a week ago for the days that are past now.
    added : tuple of ExplainedWindow
        What overlaps no window of the plan of a week ago.
    dropped : tuple of PlannedTime
        Which of those are gone.
    unmeasured : tuple of (Site, int)
        Hours of the week that nobody can judge, of each site that has any; most first.
    this_week, last_week : WeekCount
        The seven days before now, and those before them.
    """

    now: datetime
    period: Period
    first_known: datetime | None
    plan: Plan | None
    windows: tuple[ExplainedWindow, ...]
    missed: tuple[PlannedWindow, ...]
    earlier: tuple[PlannedTime, ...]
    added: tuple[ExplainedWindow, ...]
    dropped: tuple[PlannedTime, ...]
    unmeasured: tuple[tuple[Site, int], ...]
    this_week: WeekCount
    last_week: WeekCount
    effects: tuple[LastEffect, ...]

    @property
    def known_from(self) -> datetime:
        """When the first hour began that the plan rests on."""
        return self.period.start if self.first_known is None else self.first_known

    @property
    def week_from(self) -> datetime:
        """When the week begins that is planned."""
        return self.period.end


class Planner:
    """Makes briefings; each is kept for a minute, within which the data hardly move."""

    def __init__(self, ledger: Ledger, calendar: SchoolCalendar) -> None:
        self._ledger = ledger
        self.calendar = calendar
        self._briefings: Cache[tuple[object, ...], Briefing] = Cache(_KEPT_S)
        self._effects: Cache[tuple[object, ...], tuple[LastEffect, ...]] = Cache(_KEPT_S)

    def sites(self) -> list[Site]:
        """All sites by id."""
        return self._ledger.registry.sites()

    def briefing(self, now: datetime, *, windows: int, hours: int) -> Briefing:
        """The briefing at a moment, for so many windows of so many hours."""
        begin = _whole_hour(now)
        # A patrol that was just logged is to be seen at once.
        inventory = self._ledger.registry.inventory()
        key = (begin, windows, hours, inventory.version)
        return self._briefings.get(
            key, lambda: _briefing(self._ledger, self.calendar, inventory, begin, windows, hours)
        )

    def warm_up(self) -> None:
        """Make the usual briefing, so that the first reader need not wait."""
        try:
            self.briefing(datetime.now(UTC), windows=USUAL_WINDOWS, hours=USUAL_HOURS)
        except CollectorError as error:
            _log.warning("no plan for now: %s", error)

    def effect(self, site: Site, now: datetime) -> LastEffect | None:
        """What followed the patrols at a site; None: there was none for half a year."""
        return next((one for one in self.effects(now) if one.site == site), None)

    def effects(self, now: datetime) -> tuple[LastEffect, ...]:
        """What followed the patrols at each site that was patrolled in half a year, last first."""
        begin, inventory = _whole_hour(now), self._ledger.registry.inventory()

        def make() -> tuple[LastEffect, ...]:
            period = period_before(self._ledger, begin, HALF_A_YEAR)
            tables = hours_in(self._ledger, period)
            return last_effects(self._ledger, self.calendar, inventory, period, tables)

        return self._effects.get((begin, inventory.version), make)


def _whole_hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _briefing(
    ledger: Ledger,
    calendar: SchoolCalendar,
    inventory: Inventory,
    begin: datetime,
    windows: int,
    hours: int,
) -> Briefing:
    period = period_before(ledger, begin, HALF_A_YEAR)
    tables = hours_in(ledger, period)
    plan = _plan(tables, calendar, begin, windows, hours)
    before = planned_times(tables, calendar, begin - WEEK, windows=windows, hours=hours)
    made = _Made(ledger, inventory, period)
    old = [PlannedTime.at(inventory.sites[site], start, hours) for site, start in before]
    new = [made.explained(one) for one in (plan.windows if plan else ())]
    unmeasured = plan.unmeasured_h if plan else {}
    return Briefing(
        now=begin,
        period=period,
        first_known=_first_known(tables),
        plan=plan,
        windows=tuple(sorted(new, key=lambda one: one.start)),
        missed=tuple(made.window(one) for one in (plan.missed if plan else ())),
        earlier=tuple(sorted(old, key=lambda one: one.start)),
        added=_without(new, old) if old else (),
        dropped=_without(old, new),
        unmeasured=tuple(
            (inventory.sites[site], count)
            for site, count in sorted(unmeasured.items(), key=lambda item: -item[1])
            if count
        ),
        this_week=_week_count(tables, hour_at(begin)),
        last_week=_week_count(tables, hour_at(begin) - HOURS_A_WEEK),
        effects=last_effects(ledger, calendar, inventory, period, tables, _MOST_EFFECTS),
    )


def last_effects(
    ledger: Ledger,
    calendar: SchoolCalendar,
    inventory: Inventory,
    period: Period,
    tables: Mapping[str, SiteHours],
    most: int | None = None,
) -> tuple[LastEffect, ...]:
    """What followed the patrols at the sites that were patrolled last, those first."""
    logged = [one for one in inventory.patrols if period.start <= one.start < period.end]
    last = {one.site: one.start for one in logged}
    count = Counter(one.site for one in logged)
    found = []
    for site in sorted(last, key=lambda one: last[one], reverse=True)[:most]:
        effect = None
        if site in tables:
            try:
                effect = effect_at(ledger, site, period, calendar, tables=tables)
            except AnalysisError:
                # Too little was measured before or after: said where it would stand.
                effect = None
        found.append(LastEffect(inventory.sites[site], last[site], count[site], effect))
    return tuple(found)


def _plan(
    tables: Mapping[str, SiteHours],
    calendar: SchoolCalendar,
    begin: datetime,
    windows: int,
    hours: int,
) -> Plan | None:
    try:
        return planned_week(tables, calendar, begin, windows=windows, hours=hours)
    except AnalysisError:
        return None


def _first_known(tables: Mapping[str, SiteHours]) -> datetime | None:
    first = min((int(one.hour[0]) for one in tables.values() if len(one)), default=None)
    return None if first is None else time_of(first)


def _without(some: Sequence[T], others: Sequence[PlannedTime]) -> tuple[T, ...]:
    """Those that overlap none of the others in the week."""
    return tuple(
        one
        for one in some
        if not any(
            one.site == other.site and one.hours_of_week & other.hours_of_week for other in others
        )
    )


def _week_count(tables: Mapping[str, SiteHours], end_hour: int) -> WeekCount:
    parts = [one.between(end_hour - HOURS_A_WEEK, end_hour) for one in tables.values()]
    return WeekCount(
        episodes=sum(int(one.episodes.sum()) for one in parts),
        passes=sum(int(one.events.sum()) for one in parts),
        measured_h=sum(float(one.measured_s.sum()) / 3600 for one in parts),
        possible_h=float(HOURS_A_WEEK * len(parts)),
    )


class _Made:
    """Windows as the page shows them; the episodes of a site are read once."""

    def __init__(self, ledger: Ledger, inventory: Inventory, period: Period) -> None:
        self._ledger = ledger
        self._inventory = inventory
        self._period = period
        self._episodes: dict[str, list[Episode]] = {}

    def window(self, one: Window) -> PlannedWindow:
        """A window with its place and local times."""
        site = self._inventory.sites[one.site]
        at = PlannedTime.at(site, time_of(one.start_hour), one.hours)
        return PlannedWindow(site, at.start, at.end, one.hours, one)

    def explained(self, one: Window) -> ExplainedWindow:
        """A window with what speaks for it, too."""
        at = self.window(one)
        why = self._why(at.site, at.start, one.hours)
        return ExplainedWindow(at.site, at.start, at.end, one.hours, one, why)

    def _why(self, site: Site, start: datetime, hours: int) -> Why:
        first = start.weekday() * 24 + start.hour
        zone = ZoneInfo(site.time_zone)
        there = [
            one
            for one in self._of(site.id)
            if (_hour_of_week(one, zone) - first) % HOURS_A_WEEK < hours
        ]
        return Why(_commonest(there), len(there), tuple(there[-_LATEST:][::-1]))

    def _of(self, site: str) -> list[Episode]:
        if site not in self._episodes:
            found = self._ledger.episodes(
                site=site,
                start=self._period.start,
                end=self._period.end,
                simulated=self._period.simulated,
            )
            self._episodes[site] = [one for _, one in found]
        return self._episodes[site]


def _hour_of_week(one: Episode, zone: ZoneInfo) -> int:
    local = one.start.astimezone(zone)
    return local.weekday() * 24 + local.hour


def _commonest(episodes: Sequence[Episode]) -> tuple[tuple[ReasonCode, int], ...]:
    codes: Counter[ReasonCode] = Counter(reason.code for one in episodes for reason in one.reasons)
    return tuple(codes.most_common(2))
