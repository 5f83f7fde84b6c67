"""Passes, episodes, levels and speeds as the sections of a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import isnan, nan
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from scipy.stats import gamma

from collector.analysis.episodes import VEHICLES, Episode, Pass
from collector.analysis.episodes import Heard as Noise
from collector.analysis.guidelines import (
    QUANTITIES,
    Comparison,
    compared_level,
    compared_passes,
)
from collector.analysis.hours import Ints, hour_at
from collector.analysis.levels import (
    LevelHours,
    PeriodLevels,
    day_evening_night,
    energy,
    energy_mean_db,
)
from collector.analysis.pass_speeds import speed_table
from collector.analysis.speed import Estimate, SpeedTable, speed_figures
from collector.analysis.speed import Share as Counted
from collector.analysis.speed_limits import limits_at
from collector.evidence import excerpt
from collector.evidence.figures.readings import EventMessage
from collector.evidence.figures.report import (
    DayFigures,
    Frequency,
    GuidelineFigures,
    HourFigures,
    Interval,
    LevelFigures,
    Share,
    SpeedFigures,
    Verdict,
    WorstEvent,
)

WORST: Final = 10
_DAY_S: Final = 86_400.0
_DIGITS: Final = 6


def kept(value: float | None) -> float | None:
    """A number as reports give it: a few digits more than anybody shows; NaN is None."""
    return None if value is None or isnan(value) else round(float(value), _DIGITS) + 0.0


def noise(one: EventMessage) -> Noise:
    """An event as the rules of passes take it."""
    event = one.event
    speed = event.speed
    return Noise(
        node=event.node,
        id=event.id,
        start=event.start,
        duration_s=event.duration_s,
        lafmax_db=event.lafmax_db,
        source=event.source.kind,
        speed_kmh=speed.speed_kmh if speed else None,
        speed_low_kmh=speed.low_kmh if speed else None,
        speed_high_kmh=speed.high_kmh if speed else None,
        direction=speed.direction if speed else None,
        speed_refused=event.speed_refused,
    )


def frequency(count: int, measured_s: float) -> Frequency:
    """How often something happened a measured day."""
    days = measured_s / _DAY_S
    if not days:
        return Frequency(
            count=count, measured_s=measured_s, per_day=Interval(value=None, low=None, high=None)
        )
    low = float(gamma.ppf(0.025, count + 0.5)) / days if count else 0.0
    high = float(gamma.ppf(0.975, count + 0.5)) / days
    interval = Interval(value=kept(count / days), low=kept(low), high=kept(high))
    return Frequency(count=count, measured_s=measured_s, per_day=interval)


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours of the site from the period's first to its last: measured seconds of each."""

    first: int
    measured_s: Sequence[float]


def by_hour(
    hours: Hours, found: Sequence[Pass], episodes: Sequence[Episode], zone: ZoneInfo
) -> tuple[HourFigures, ...]:
    """Return the 24 hours of the local day."""
    measured, passes, begun = np.zeros(24), np.zeros(24, int), np.zeros(24, int)
    for number, seconds in enumerate(hours.measured_s, start=hours.first):
        measured[datetime.fromtimestamp(number * 3600, zone).hour] += seconds
    for one in found:
        passes[one.start.astimezone(zone).hour] += one.confirmed
    for episode in episodes:
        begun[episode.start.astimezone(zone).hour] += 1
    rows = zip(measured.tolist(), passes.tolist(), begun.tolist(), strict=True)
    return tuple(
        HourFigures(hour=hour, measured_s=row[0], passes=row[1], episodes=row[2])
        for hour, row in enumerate(rows)
    )


def by_day(
    start: datetime,
    end: datetime,
    hours: Hours,
    quarters: Sequence[tuple[PeriodLevels, Sequence[float]]],
    found: Sequence[Pass],
    episodes: Sequence[Episode],
    zone: ZoneInfo,
) -> tuple[DayFigures, ...]:
    """Return the local days that the period touches; levels are of the loudest node each day."""
    days = _days(start, end, zone)
    measured = dict.fromkeys(days, 0.0)
    passes, begun = dict.fromkeys(days, 0), dict.fromkeys(days, 0)
    for number, seconds in enumerate(hours.measured_s, start=hours.first):
        day = datetime.fromtimestamp(number * 3600, zone).date()
        if day in measured:
            measured[day] += seconds
    for one in found:
        passes[one.start.astimezone(zone).date()] += one.confirmed
    for episode in episodes:
        begun[episode.start.astimezone(zone).date()] += 1
    levels = [_daily(periods, maxima, zone) for periods, maxima in quarters]
    return tuple(
        DayFigures(
            date=day.isoformat(),
            asked_s=_asked_s(day, start, end, zone),
            measured_s=measured[day],
            passes=passes[day],
            episodes=begun[day],
            laeq_db=kept(max((one[day][0] for one in levels if day in one), default=nan)),
            lafmax_db=kept(max((one[day][1] for one in levels if day in one), default=nan)),
        )
        for day in days
    )


def _days(start: datetime, end: datetime, zone: ZoneInfo) -> list[date]:
    first = start.astimezone(zone).date()
    last = (end - timedelta(microseconds=1)).astimezone(zone).date()
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _asked_s(day: date, start: datetime, end: datetime, zone: ZoneInfo) -> float:
    begins = datetime(day.year, day.month, day.day, tzinfo=zone)
    next_day = day + timedelta(days=1)
    ends = datetime(next_day.year, next_day.month, next_day.day, tzinfo=zone)
    return min(ends.timestamp(), end.timestamp()) - max(begins.timestamp(), start.timestamp())


def _daily(
    periods: PeriodLevels, maxima: Sequence[float], zone: ZoneInfo
) -> dict[date, tuple[float, float]]:
    """Level and maximum of each local day that was measured."""
    rows: dict[date, list[int]] = {}
    for index, start_s in enumerate(periods.start_s.tolist()):
        if periods.measured_s[index] > 0:
            rows.setdefault(datetime.fromtimestamp(start_s, zone).date(), []).append(index)
    return {
        day: (
            energy_mean_db(periods.laeq_db[chosen], periods.measured_s[chosen]),
            max(maxima[index] for index in chosen),
        )
        for day, chosen in rows.items()
    }


def hours_of(periods: PeriodLevels) -> LevelHours:
    """Quarter-hours of one node as the hours that guideline values are compared with."""
    number: Ints = np.asarray(periods.start_s // 3600, dtype=np.int64)
    hour, index = np.unique(number, return_inverse=True)
    measured_s = np.bincount(index, periods.measured_s, len(hour))
    sums = np.where(periods.measured_s > 0, energy(periods.laeq_db) * periods.measured_s, 0.0)
    known = measured_s > 0
    with np.errstate(invalid="ignore"):
        mean = np.bincount(index, sums, len(hour)) / measured_s
    return LevelHours(hour[known], np.asarray(mean[known]), np.asarray(measured_s[known], float))


def levels_of(
    node: str, periods: PeriodLevels, maxima: Sequence[float], hours: LevelHours, time_zone: str
) -> LevelFigures:
    """Return the levels of one node over the whole period."""
    first, end = _limits(periods)
    parts = day_evening_night(hours, time_zone, first, end)
    lday, levening, lnight = (kept(level) for level in parts.laeq_db.tolist())
    measured, possible = parts.measured_s.tolist(), parts.possible_s.tolist()
    return LevelFigures(
        node=node,
        laeq_db=kept(energy_mean_db(periods.laeq_db, periods.measured_s)),
        measured_s=float(periods.measured_s.sum()),
        lafmax_db=kept(max((level for level in maxima if not isnan(level)), default=nan)),
        lday_db=lday,
        levening_db=levening,
        lnight_db=lnight,
        lden_db=kept(parts.lden_db),
        part_measured_s=(measured[0], measured[1], measured[2]),
        part_possible_s=(possible[0], possible[1], possible[2]),
    )


def guidelines_of(
    node: str,
    values: Sequence[excerpt.Guideline],
    periods: PeriodLevels,
    hours: LevelHours,
    found: Sequence[Pass],
    time_zone: str,
    u95_db: float,
) -> tuple[GuidelineFigures, ...]:
    """Return the guideline values of the site beside what one node measured.

    What lies within `u95_db` of a value is neither above it nor below.
    """
    first, end = _limits(periods)
    heard = [one for p in found if p.confirmed for one in p.heard if one.node == node]
    pass_hour = np.array([hour_at(one.start) for one in heard], dtype=np.int64)
    lafmax = np.array([one.lafmax_db for one in heard], dtype=np.float64)
    rows = []
    for value in values:
        if value.quantity == "lafmax_5_an_hour":
            one = compared_passes(value.value_db, pass_hour, lafmax, hours, time_zone, first, end)
        elif value.quantity in QUANTITIES:
            one = compared_level(value.quantity, value.value_db, hours, time_zone, first, end)
        else:
            continue
        rows.append(_compared(node, value, one, u95_db))
    return tuple(rows)


def _compared(
    node: str, value: excerpt.Guideline, one: Comparison, u95_db: float
) -> GuidelineFigures:
    return GuidelineFigures(
        node=node,
        quantity=value.quantity,
        value_db=value.value_db,
        source=value.source,
        note=value.note,
        found=kept(one.found),
        allowed=one.allowed,
        exceedances=one.exceedances,
        of=one.of,
        measured_s=one.measured_s,
        possible_s=one.possible_s,
        verdict=_verdict(one, u95_db),
    )


def _verdict(one: Comparison, u95_db: float) -> Verdict:
    if one.exceeded is None:
        return "not_measured"
    is_level = one.quantity != "lafmax_5_an_hour"
    if is_level and abs(one.found - one.allowed) <= u95_db:
        return "within_uncertainty"
    return "above" if one.exceeded else "not_above"


def _limits(periods: PeriodLevels) -> tuple[int, int]:
    """First whole hour of the period, and the one after its last."""
    return int(periods.start_s[0] // 3600), -int(-periods.end_s[-1] // 3600)


def speeds_of(
    found: Sequence[Pass], limits: Sequence[excerpt.SpeedLimit], time_zone: str
) -> tuple[SpeedFigures, tuple[SpeedFigures, ...], dict[str, int]]:
    """Return the speeds of all confirmed passes, by the limit that held, and what was refused."""
    table = speed_table(found, limits, time_zone)
    known = np.unique(table.limit_kmh[~np.isnan(table.limit_kmh)]).tolist()
    groups = [(limit, table.rows(table.limit_kmh == limit)) for limit in known]
    unknown = table.rows(np.isnan(table.limit_kmh))
    parts = [_speeds(limit, rows) for limit, rows in groups]
    if len(unknown):
        parts.append(_speeds(None, unknown))
    refused = dict(sorted(speed_figures(table).refused.items()))
    return _speeds(None, table), tuple(parts), refused


def _speeds(limit_kmh: float | None, table: SpeedTable) -> SpeedFigures:
    figures = speed_figures(table)
    return SpeedFigures(
        limit_kmh=limit_kmh,
        passes=figures.passes,
        measured=figures.measured,
        v50_kmh=_interval(figures.v50_kmh),
        v85_kmh=_interval(figures.v85_kmh),
        uncertainty_kmh=kept(figures.uncertainty_kmh),
        over_limit=_share(figures.over_limit),
        over_30=_share(figures.over_30),
    )


def _interval(one: Estimate) -> Interval:
    return Interval(value=kept(one.value), low=kept(one.low), high=kept(one.high))


def _share(one: Counted) -> Share:
    return Share(count=one.count, of=one.of, low=kept(one.low), high=kept(one.high))


def worst_of(
    events: Sequence[EventMessage],
    found: Sequence[Pass],
    limits: Sequence[excerpt.SpeedLimit],
    time_zone: str,
) -> tuple[WorstEvent, ...]:
    """Return the loudest events that are passes of vehicles for sure, one of each pass."""
    by_id = {(one.event.node, one.event.id): one for one in events}
    loudest = [
        max(p.heard, key=lambda heard: (heard.source in VEHICLES, heard.lafmax_db))
        for p in found
        if p.confirmed
    ]
    loudest.sort(key=lambda heard: (-heard.lafmax_db, heard.start, heard.node))
    chosen = [by_id[heard.node, heard.id] for heard in loudest[:WORST]]
    held = limits_at(limits, (one.event.start for one in chosen), time_zone)
    return tuple(_worst(one, limit) for one, limit in zip(chosen, held, strict=True))


def _worst(one: EventMessage, limit_kmh: float | None) -> WorstEvent:
    event, speed = one.event, one.event.speed
    return WorstEvent(
        id=event.id,
        node=event.node,
        seq=one.seq,
        sha256=one.sha256,
        start=event.start,
        duration_s=event.duration_s,
        lafmax_db=event.lafmax_db,
        lae_db=event.lae_db,
        background_laf90_db=event.background_laf90_db,
        source=event.source.kind,
        source_probability=event.source.probability,
        speed_kmh=speed.speed_kmh if speed else None,
        speed_low_kmh=speed.low_kmh if speed else None,
        speed_high_kmh=speed.high_kmh if speed else None,
        speed_refused=event.speed_refused,
        limit_kmh=limit_kmh,
        trace_lafmax_db=event.trace_lafmax_db,
    )
