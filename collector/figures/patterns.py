"""What the last weeks say: hours of the week, today against usual, the plan, what patrols did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from collector.analysis.effect import Effect
from collector.analysis.hours import HOURS_A_WEEK, SiteHours, hour_at, time_of
from collector.analysis.patrol import Plan, Window
from collector.analysis.rates import Rates, week_profile
from collector.analysis.ratio import Ratio
from collector.analysis.school_calendar import SchoolCalendar
from collector.analysis.usual import Usual, against_usual
from collector.errors import AnalysisError
from collector.figures.writing import known, local_day, midnight, milliseconds, point
from collector.ledger.ledger import Ledger
from collector.ledger.records import NodeState
from collector.outputs.derived import HOUR_OF_WEEK, PATROL_EFFECT, PATROL_WINDOW, SITE_NOW
from collector.outputs.line_protocol import FieldValue
from collector.outputs.periods import origin_tag
from collector.pattern_answers import (
    HALF_A_YEAR,
    Period,
    fitted_rates,
    hours_in,
    planned_week,
)
from collector.registry.inventory import Inventory, Site

PERIODS_WEEKS: Final = (4, 13, 26, 52)
"""Over how many weeks back figures of a period are given."""


def hour_of_week_lines(
    tables: Mapping[str, SiteHours], calendar: SchoolCalendar, now: datetime, *, simulated: bool
) -> Iterator[str]:
    """Rates by hour of the local week, over each of :data:`PERIODS_WEEKS` before `now`."""
    for weeks in PERIODS_WEEKS:
        rates = rates_before(tables, calendar, hour_at(now), weeks)
        if rates is None:
            continue
        profile = week_profile(rates)
        for index, site in enumerate(rates.sites):
            for hour in np.flatnonzero(profile.measured_h[index] > 0.0).tolist():
                tags = (site, origin_tag(simulated), str(weeks), str(hour // 24 + 1),
                        f"{hour % 24:02}")  # fmt: skip
                values = {
                    "rate": float(profile.rate[index, hour]),
                    "rate_low": float(profile.low[index, hour]),
                    "rate_high": float(profile.high[index, hour]),
                    "count": int(profile.count[index, hour]),
                    "measured_h": float(profile.measured_h[index, hour]),
                }
                yield from point(HOUR_OF_WEEK, tags, values)


def rates_before(
    tables: Mapping[str, SiteHours], calendar: SchoolCalendar, end_hour: int, weeks: int
) -> Rates | None:
    """Rates over `weeks` before `end_hour`; None: nothing was measured then."""
    chosen = within(tables, end_hour - weeks * HOURS_A_WEEK, end_hour)
    return fitted_rates(chosen, calendar) if chosen else None


def within(tables: Mapping[str, SiteHours], first: int, end: int) -> dict[str, SiteHours]:
    """The hours within [`first`, `end`) of each site that was measured then."""
    chosen = {site: table.between(first, end) for site, table in tables.items()}
    return {site: table for site, table in chosen.items() if table.measured_s.any()}


def today(
    tables: Mapping[str, SiteHours],
    inventory: Inventory,
    calendar: SchoolCalendar,
    now: datetime,
) -> dict[str, Usual]:
    """Of each site, the hours of today beside what is usual, by the half year before today."""
    found: dict[str, Usual] = {}
    for zone_name in {inventory.sites[site].time_zone for site in tables}:
        zone = ZoneInfo(zone_name)
        begin = hour_at(midnight(local_day(now, zone), zone))
        rates = rates_before(tables, calendar, begin, HALF_A_YEAR // timedelta(weeks=1))
        if rates is None:
            continue
        rows = [tables[site] for site in rates.sites]
        usual = against_usual(rates, rows, calendar, begin, hour_at(now) + 1)
        found |= {
            one.site: one for one in usual if inventory.sites[one.site].time_zone == zone_name
        }
    return found


def plan_before(
    ledger: Ledger, calendar: SchoolCalendar, now: datetime, *, simulated: bool
) -> Plan | None:
    """The plan for the week from this hour on, by the half year before; None: nothing is known.

    It is the one that the briefing shows.
    """
    end = time_of(hour_at(now))
    tables = hours_in(ledger, Period(end - HALF_A_YEAR, end, simulated))
    try:
        return planned_week(tables, calendar, end)
    except AnalysisError:
        return None


def site_now_lines(
    inventory: Inventory,
    states: Mapping[str, NodeState],
    now: datetime,
    usual: Mapping[str, Usual],
    plan: Plan | None,
    *,
    simulated: bool,
) -> Iterator[str]:
    """How each site stands today."""
    for site in inventory.sites.values():
        nodes = _nodes_at(inventory, states, site, now, simulated)
        one = usual.get(site.id)
        if not nodes and one is None:
            continue
        unmeasured = plan.unmeasured_h.get(site.id, HOURS_A_WEEK) if plan else None
        values: dict[str, FieldValue] = {
            "name": site.name,
            "latitude": site.latitude,
            "longitude": site.longitude,
            "as_of_ms": milliseconds(now),
            "nodes": len(nodes),
            "nodes_online": sum(state.online is True for state in nodes),
            "verdict": "unmeasured",
            "unmeasured_h": unmeasured,
        }
        if one is not None:
            values |= {"measured_s": float(one.measured_s), "verdict": one.verdict}
            if one.verdict != "unmeasured":
                values |= {
                    "episodes": one.count,
                    "expected": one.expected,
                    "usual_low": one.low,
                    "usual_high": one.high,
                }
        yield from point(SITE_NOW, (site.id, origin_tag(simulated)), values)


def _nodes_at(
    inventory: Inventory,
    states: Mapping[str, NodeState],
    site: Site,
    now: datetime,
    simulated: bool,
) -> list[NodeState]:
    """The nodes that hang there now and tell of what was measured, or of what never happened."""
    there = []
    for node in inventory.nodes:
        place = inventory.site_of(node, now)
        state = states.get(node, NodeState(node=node))
        if place is not None and place.id == site.id and state.simulated == simulated:
            there.append(state)
    return there


def window_lines(plan: Plan, *, simulated: bool) -> Iterator[str]:
    """The windows of a plan, those that were not chosen too."""
    for chosen, windows in (("yes", plan.windows), ("no", plan.missed)):
        for rank, one in enumerate(windows, start=1):
            yield from _window_line(one, rank, chosen, simulated)


def _window_line(one: Window, rank: int, chosen: str, simulated: bool) -> Iterator[str]:
    values = {
        "rank": rank,
        "end_ms": milliseconds(time_of(one.start_hour + one.hours)),
        "hours": one.hours,
        "expected": one.expected,
        "expected_low": one.low,
        "expected_high": one.high,
        "seen": one.seen,
        "measured_h": one.measured_h,
        "same_day_type": int(one.same_day_type),
    }
    tags = (one.site, origin_tag(simulated), chosen)
    yield from point(PATROL_WINDOW, tags, values, time_of(one.start_hour))


def effect_lines(effects: Sequence[Effect], *, simulated: bool) -> Iterator[str]:
    """What followed patrols: a point a comparison, and one for each site it may have moved to."""
    for one in effects:
        compared: list[tuple[str, str, Ratio]] = [
            ("itself", "", one.own_ratio),
            ("town", "", one.town_ratio),
            *(("moved", site, ratio) for site, ratio in one.moved_to),
        ]
        if one.comparison:
            compared.append(("others", "", one.ratio))
        for name, other, ratio in compared:
            tags = (one.site, origin_tag(simulated), name, other)
            yield from point(PATROL_EFFECT, tags, _effect_values(one, ratio))


def _effect_values(one: Effect, ratio: Ratio) -> dict[str, FieldValue]:
    fallen = "fell" if ratio.fell else "rose" if ratio.rose else "unsure"
    return {
        "ratio": known(ratio.ratio),
        "ratio_low": known(ratio.low),
        "ratio_high": known(ratio.high),
        "says": fallen,
        "before_weeks": one.before_weeks,
        "after_weeks": one.after_weeks,
        "count_before": one.count_before,
        "count_after": one.count_after,
        "measured_before_h": one.measured_before_h,
        "measured_after_h": one.measured_after_h,
        "dispersion": one.dispersion,
        "power": one.power,
        "relapse_weeks": one.relapse.weeks if one.relapse else None,
    }
