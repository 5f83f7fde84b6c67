"""Which figures are due: those that new messages changed, and those that time does.

How far messages were taken into account stands in the ledger beside the output's own cursor, so
that a restart goes on where the last one stood. A unit of work is small, so that whoever forwards
messages can do so in between; a unit that was not written is given again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Final
from zoneinfo import ZoneInfo

from collector.analysis.effect import Effect
from collector.analysis.hours import SiteHours, hour_at, time_of
from collector.analysis.patrol import Plan
from collector.analysis.school_calendar import SchoolCalendar
from collector.config import CollectorConfig
from collector.errors import AnalysisError
from collector.figures import happenings, levels, nodes, patterns, registered
from collector.figures.writing import DAY, WEEK, local_day, midnight, monday
from collector.ledger.days import day_of
from collector.ledger.ledger import Ledger
from collector.ledger.records import TouchedHour
from collector.outputs.derived import (
    EPISODE,
    GUIDELINE_COMPARISON,
    HOUR_OF_WEEK,
    NODE_STATUS,
    PATROL_EFFECT,
    PATROL_WINDOW,
    SITE_DAY,
    SITE_NOW,
    SITE_WEEK,
    SOURCE_WEEK,
    SPECTRUM_1H,
    SPEED_FIGURES,
)
from collector.outputs.line_protocol import Measurement
from collector.outputs.output import Stretch, Unit
from collector.outputs.periods import origin_tag
from collector.pattern_answers import HALF_A_YEAR, Period, effect_at, school_calendar
from collector.pattern_tables import hours_of_sites
from collector.registry.inventory import Inventory

SOON: Final = timedelta(minutes=1)
"""How often nodes, episodes and days are looked after."""

LATER: Final = timedelta(minutes=10)
"""How often weeks, spectra and today beside the usual are."""

_HOURS_AT_ONCE: Final = 7 * 24
_ORIGINS: Final = (False, True)
_LOCAL: Final = ZoneInfo("Europe/Stockholm")


@dataclass(frozen=True, slots=True)
class Known:
    """What figures are made of at one moment; `tables` are of the last year, by origin."""

    now: datetime
    inventory: Inventory
    tables: Mapping[bool, Mapping[str, SiteHours]]


class Figures:
    """The figures of a ledger.

    Parameters
    ----------
    calendar : SchoolCalendar
        What the rates go by.
    municipality : str
        Of sites that name none.
    clock : callable
        Tells the time.
    """

    def __init__(
        self,
        ledger: Ledger,
        calendar: SchoolCalendar,
        municipality: str,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._ledger = ledger
        self._calendar = calendar
        self._municipality = municipality
        self._clock = clock
        self._done: dict[str, object] = {}
        self._soon = self._later = datetime.min.replace(tzinfo=UTC)

    @classmethod
    def of(cls, ledger: Ledger, config: CollectorConfig) -> Figures:
        """The figures as the configuration wants them; :class:`ConfigError` on its calendar."""
        return cls(ledger, school_calendar(config), config.page.municipality)

    def due(self, output: str) -> Iterator[Unit]:
        """As :meth:`.FigureSource.due`."""
        now = self._clock()
        if now >= self._soon:
            yield [self._statuses(now)]
            if not self._ledger.cursor(f"{output}/days"):
                # At once, in place of day by day.
                yield [Stretch(measurement=EPISODE, lines=(), clear=True)]
            yield from self._touched(f"{output}/days", self._days)
            self._soon = now + SOON
        if now >= self._later:
            yield from self._touched(f"{output}/weeks", self._weeks)
            yield from self._standing(now)
            self._later = now + LATER

    def everything(self, start: datetime, end: datetime) -> Iterator[Unit]:
        """As :meth:`.FigureSource.everything`."""
        touched = self._ledger.touched_between(start, end)
        now = self._clock()
        yield [self._statuses(now)]
        yield from self._days(touched)
        yield from self._weeks(touched)
        self._done.clear()
        yield from self._standing(now)

    def _touched(
        self, cursor: str, make: Callable[[Iterable[TouchedHour]], Iterator[Unit]]
    ) -> Iterator[Unit]:
        after, head = self._ledger.cursor(cursor), self._ledger.head()
        if head > after:
            yield from make(self._ledger.touched(after, head))
            self._ledger.set_cursor(cursor, head)

    def _statuses(self, now: datetime) -> Stretch:
        inventory = self._ledger.registry.inventory()
        lines = nodes.status_lines(inventory, self._ledger.node_states(), now)
        return Stretch(measurement=NODE_STATUS, lines=tuple(lines))

    def _days(self, touched: Iterable[TouchedHour]) -> Iterator[Unit]:
        """Episodes and counts of each of the ledger's days in which something came in."""
        inventory = self._ledger.registry.inventory()
        origins = self._ledger.origins()
        zones = {ZoneInfo(site.time_zone) for site in inventory.sites.values()}
        heard: set[datetime] = set()
        measured: set[datetime] = set()
        for one in touched:
            # A batch of levels may reach into the next hour.
            measured |= {day_of(one.hour), day_of(one.hour + timedelta(hours=1))}
            if one.kind == "event":
                heard.add(day_of(one.hour))
        for begins in sorted(measured):
            local = {day for zone in zones for day in happenings.local_days(begins, zone)}
            unit = [self._counted(inventory, local, simulated) for simulated in origins]
            if begins in heard:
                unit += [
                    happenings.episode_stretch(self._ledger, inventory, begins, simulated=simulated)
                    for simulated in origins
                ]
            yield unit

    def _counted(self, inventory: Inventory, days: Iterable[date], simulated: bool) -> Stretch:
        chosen = sorted(days)
        # Wherever it is: no place is a day away from UTC.
        start = midnight(chosen[0], ZoneInfo("UTC")) - DAY
        end = midnight(chosen[-1], ZoneInfo("UTC")) + 2 * DAY
        tables = hours_of_sites(self._ledger, start=start, end=end, simulated=simulated)
        lines = (
            line
            for day in chosen
            for line in happenings.day_lines(tables, inventory, day, simulated=simulated)
        )
        return Stretch(measurement=SITE_DAY, lines=tuple(lines))

    def _weeks(self, touched: Iterable[TouchedHour]) -> Iterator[Unit]:
        """Each week of each site, and each hour's spectrum of each node, where something came."""
        inventory = self._ledger.registry.inventory()
        weeks: defaultdict[date, set[str]] = defaultdict(set)
        hours: defaultdict[str, set[datetime]] = defaultdict(set)
        for one in touched:
            site = inventory.site_of(one.node, one.hour)
            if site is not None:
                zone = ZoneInfo(site.time_zone)
                weeks[monday(local_day(one.hour, zone))].add(site.id)
            if one.kind == "levels":
                hours[one.node].add(one.hour)
        for first_day, sites in sorted(weeks.items()):
            yield self._week(inventory, first_day, sorted(sites))
        for node, of_node in sorted(hours.items()):
            ordered = sorted(of_node)
            for first in range(0, len(ordered), _HOURS_AT_ONCE):
                part = ordered[first : first + _HOURS_AT_ONCE]
                lines = levels.spectrum_lines(self._ledger, inventory, node, part)
                yield [Stretch(measurement=SPECTRUM_1H, lines=tuple(lines))]

    def _week(self, inventory: Inventory, first_day: date, sites: Iterable[str]) -> Unit:
        weeks: list[str] = []
        sources: list[str] = []
        for site, simulated in product(sites, self._ledger.origins()):
            place = inventory.sites[site]
            weeks += happenings.week_lines(
                self._ledger, inventory, place, first_day, simulated=simulated
            )
            sources += happenings.source_lines(self._ledger, place, first_day, simulated=simulated)
        return [
            Stretch(measurement=SITE_WEEK, lines=tuple(weeks)),
            Stretch(measurement=SOURCE_WEEK, lines=tuple(sources)),
        ]

    def _standing(self, now: datetime) -> Iterator[Unit]:
        """What holds now: each part as often as it changes, and whenever the registry does."""
        inventory = self._ledger.registry.inventory()
        start, end = now - max(patterns.PERIODS_WEEKS) * WEEK, now + timedelta(hours=1)
        tables = {
            simulated: hours_of_sites(self._ledger, start=start, end=end, simulated=simulated)
            for simulated in _ORIGINS
        }
        known = Known(now, inventory, tables)
        yield self._today(known)
        parts = (
            ("hourly", (inventory.version, hour_at(now)), self._hourly),
            ("daily", (inventory.version, local_day(now, _LOCAL)), self._daily),
        )
        for name, of_when, make in parts:
            if self._done.get(name) != of_when:
                yield from make(known)
                self._done[name] = of_when

    def _today(self, known: Known) -> Unit:
        states = self._ledger.node_states()
        lines: list[str] = []
        for simulated, tables in known.tables.items():
            usual = patterns.today(tables, known.inventory, self._calendar, known.now)
            plan = self._plan(known.now, simulated)
            lines += patterns.site_now_lines(
                known.inventory, states, known.now, usual, plan, simulated=simulated
            )
        return [Stretch(measurement=SITE_NOW, lines=tuple(lines), clear=True)]

    def _hourly(self, known: Known) -> Iterator[Unit]:
        for simulated, tables in known.tables.items():
            plan = self._plan(known.now, simulated)
            windows = patterns.window_lines(plan, simulated=simulated) if plan else ()
            yield [
                _of_origin(PATROL_WINDOW, simulated, windows),
                _of_origin(
                    HOUR_OF_WEEK,
                    simulated,
                    patterns.hour_of_week_lines(
                        tables, self._calendar, known.now, simulated=simulated
                    ),
                ),
                _of_origin(
                    PATROL_EFFECT,
                    simulated,
                    patterns.effect_lines(self._effects(known, simulated), simulated=simulated),
                ),
            ]

    def _plan(self, now: datetime, simulated: bool) -> Plan | None:
        return patterns.plan_before(self._ledger, self._calendar, now, simulated=simulated)

    def _effects(self, known: Known, simulated: bool) -> list[Effect]:
        end = time_of(hour_at(known.now))
        period = Period(end - HALF_A_YEAR, end, simulated)
        found = []
        for site in sorted({one.site for one in known.inventory.patrols}):
            try:
                found.append(effect_at(self._ledger, site, period, self._calendar))
            except AnalysisError:
                # Nothing can be said yet, and nothing is shown.
                continue
        return found

    def _daily(self, known: Known) -> Iterator[Unit]:
        yield [
            registered.site_stretch(known.inventory, self._municipality),
            registered.patrol_stretch(known.inventory),
        ]
        yield from self._guidelines(known)
        for simulated, tables in known.tables.items():
            yield [
                _of_origin(measurement, simulated, ())
                for measurement in (SPEED_FIGURES, GUIDELINE_COMPARISON)
            ]
            for site_id in tables:
                yield self._year(known, site_id, simulated)

    def _guidelines(self, known: Known) -> Iterator[Unit]:
        both = {**known.tables[True], **known.tables[False]}
        for stretch in registered.guideline_stretches(known.inventory, both, known.now):
            yield [stretch]

    def _year(self, known: Known, site_id: str, simulated: bool) -> Unit:
        site = known.inventory.sites[site_id]
        passes = levels.year_of_passes(self._ledger, site, known.now, simulated=simulated)
        return [
            Stretch(
                measurement=SPEED_FIGURES,
                lines=tuple(
                    levels.speed_lines(
                        known.inventory, site, passes, known.now, simulated=simulated
                    )
                ),
            ),
            Stretch(
                measurement=GUIDELINE_COMPARISON,
                lines=tuple(
                    levels.comparison_lines(
                        self._ledger, known.inventory, site, passes, known.now, simulated=simulated
                    )
                ),
            ),
        ]


def _of_origin(measurement: Measurement, simulated: bool, lines: Iterable[str]) -> Stretch:
    """All that a measurement holds of one origin."""
    tags = {"origin": origin_tag(simulated)}
    return Stretch(measurement=measurement, lines=tuple(lines), clear=True, tags=tags)
