"""Questions about patterns, answered from the ledger: commands and pages ask them here.

So both show the same numbers; each only writes them in its own way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from collector.analysis.cells import What
from collector.analysis.effect import Effect, Patrol, patrol_effect
from collector.analysis.episodes import Pass
from collector.analysis.guidelines import (
    QUANTITIES,
    Comparison,
    compared_level,
    compared_passes,
)
from collector.analysis.hours import SiteHours, hour_at, time_of
from collector.analysis.levels import Floats, LevelHours
from collector.analysis.patrol import Plan, best_of_week, plan_week
from collector.analysis.rates import Rates, fit_rates
from collector.analysis.school_calendar import NO_CALENDAR, SchoolCalendar, load_calendar
from collector.config import CollectorConfig
from collector.errors import AnalysisError
from collector.ledger.ledger import Ledger
from collector.pattern_tables import hours_of_levels, hours_of_sites
from collector.registry.inventory import Guideline, Site

HALF_A_YEAR = timedelta(weeks=26)
"""What rates, plans and effects rest on unless told."""


@dataclass(frozen=True, slots=True)
class Period:
    """What is asked about: [`start`, `end`) of what was measured, or of what was simulated."""

    start: datetime
    end: datetime
    simulated: bool

    @property
    def hours(self) -> tuple[int, int]:
        """The whole hours that it begins and ends with."""
        return hour_at(self.start), hour_at(self.end)

    def as_dict(self) -> dict[str, object]:
        """For the head of JSON output."""
        return {"from": self.start, "to": self.end, "simulated": self.simulated}


def period_before(
    ledger: Ledger, end: datetime, length: timedelta, site: str | None = None
) -> Period:
    """`length` back from `end`; what was measured counts where anything was, else what was not."""
    return Period(end - length, end, simulated=not ledger.has_measured(site))


def last_known(ledger: Ledger, site: str | None, *, simulated: bool) -> datetime:
    """End of the last hour of which anything is known.

    Raises
    ------
    AnalysisError
        Nothing is.
    """
    found = hours_of_sites(ledger, site=site, simulated=simulated)
    last = max((int(one.hour[-1]) for one in found.values() if len(one)), default=None)
    if last is None:
        where = f"at {site}" if site else "in this ledger"
        raise AnalysisError(f"nothing was measured {where} yet: there is nothing to analyse")
    return time_of(last + 1)


def school_calendar(config: CollectorConfig, path: Path | None = None) -> SchoolCalendar:
    """The calendar in the file at `path`, else that of the configuration.

    Where there is neither, one that knows weekends and public holidays only.
    """
    if path is None and config.calendar is not None:
        path = Path(config.calendar)
    return NO_CALENDAR if path is None else load_calendar(path)


def hours_in(ledger: Ledger, period: Period, site: str | None = None) -> dict[str, SiteHours]:
    """What is known of the hours of a period, by site."""
    return hours_of_sites(
        ledger, site=site, start=period.start, end=period.end, simulated=period.simulated
    )


def planned_week(
    tables: Mapping[str, SiteHours],
    calendar: SchoolCalendar,
    begin: datetime,
    *,
    windows: int = 3,
    hours: int = 2,
    crews: int = 1,
) -> Plan:
    """The plan for the week from `begin` on, from what was measured before it.

    Raises
    ------
    AnalysisError
        Nothing was measured before it.
    """
    try:
        return plan_week(
            list(tables.values()),
            calendar,
            hour_at(begin),
            windows=windows,
            hours=hours,
            crews=crews,
        )
    except ValueError as error:
        raise AnalysisError(f"no plan can be made: {error}; widen --from and --to") from error


def planned_times(
    tables: Mapping[str, SiteHours],
    calendar: SchoolCalendar,
    begin: datetime,
    *,
    windows: int = 3,
    hours: int = 2,
) -> list[tuple[str, datetime]]:
    """Sites and beginnings of the windows of :func:`planned_week`, best first; none: no plan."""
    try:
        found = best_of_week(
            list(tables.values()), calendar, hour_at(begin), windows=windows, hours=hours
        )
    except ValueError:
        return []
    return [(site, time_of(hour)) for site, hour in found]


def fitted_rates(
    tables: Mapping[str, SiteHours], calendar: SchoolCalendar, what: What = "episodes"
) -> Rates:
    """Rates an hour over the tables' own time; :class:`AnalysisError` where there is none."""
    try:
        return fit_rates(list(tables.values()), calendar, what=what, recency=False)
    except ValueError as error:
        raise AnalysisError(f"no rates can be given: {error}; widen --from and --to") from error


def effect_at(
    ledger: Ledger,
    site: str,
    period: Period,
    calendar: SchoolCalendar,
    *,
    weeks: int = 8,
    what: What = "episodes",
    tables: Mapping[str, SiteHours] | None = None,
) -> Effect:
    """What followed the patrols at a site that were logged in a period.

    Sites are compared with where something was measured both before and after. `tables` are the
    period's hours, where they are at hand already.

    Raises
    ------
    AnalysisError
        No patrol is logged there, or too little was measured.
    """
    patrols = [
        Patrol(site=one.site, start=one.start, end=one.end)
        for one in ledger.registry.patrols()
        if period.start <= one.start < period.end
    ]
    first = min((one.start for one in patrols if one.site == site), default=None)
    if first is None:
        raise AnalysisError(
            f"no patrol at {site} is logged in that time: log it with skolro patrol add, or widen "
            "--from and --to"
        )
    span = weeks * timedelta(weeks=1)
    known = hours_in(ledger, period) if tables is None else tables
    compared = [
        table
        for table in known.values()
        if table.site == site or _measured_beside(table, first, span)
    ]
    try:
        return patrol_effect(compared, calendar, patrols, site, weeks=weeks, what=what)
    except ValueError as error:
        raise AnalysisError(f"the effect cannot be told: {error}") from error


def levels_by_node(ledger: Ledger, site: str, period: Period) -> dict[str, LevelHours]:
    """Hourly levels of each node at a site, from the hour in which the period begins on."""
    start = period.start.replace(minute=0, second=0, microsecond=0)
    rows = ledger.level_hours(site=site, start=start, end=period.end)
    return hours_of_levels(row for row in rows if row.simulated == period.simulated)


def beside_guidelines(
    guidelines: Sequence[Guideline],
    site: Site,
    period: Period,
    node: str,
    hours: LevelHours,
    passes: Sequence[Pass],
) -> list[tuple[Guideline, Comparison]]:
    """What one node measured beside the guideline values whose quantity is known."""
    heard = _heard_by(node, passes)
    found = []
    for one in guidelines:
        if one.quantity == "lafmax_5_an_hour":
            comparison = compared_passes(
                one.value_db,
                heard["hour"].astype(np.int64),
                heard["lafmax_db"],
                hours,
                site.time_zone,
                *period.hours,
            )
        elif one.quantity in QUANTITIES:
            comparison = compared_level(
                one.quantity, one.value_db, hours, site.time_zone, *period.hours
            )
        else:
            continue
        found.append((one, comparison))
    return found


def _heard_by(node: str, passes: Sequence[Pass]) -> dict[str, Floats]:
    """Hour and level of the confirmed passes, as one node heard them."""
    heard = [event for one in passes if one.confirmed for event in one.heard if event.node == node]
    return {
        "hour": np.array([hour_at(event.start) for event in heard], dtype=np.float64),
        "lafmax_db": np.array([event.lafmax_db for event in heard], dtype=np.float64),
    }


def _measured_beside(table: SiteHours, moment: datetime, span: timedelta) -> bool:
    """Whether something was measured before and after: only then is a site to compare with."""
    sides = ((moment - span, moment), (moment, moment + span))
    return all(
        table.between(hour_at(first), hour_at(last)).measured_s.any() for first, last in sides
    )
