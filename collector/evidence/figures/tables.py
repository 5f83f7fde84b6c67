"""The tables of a summary, row by row, before they are written as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isnan
from typing import Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

from collector.analysis.episodes import Pass
from collector.analysis.speed import MARGIN_KMH
from collector.analysis.speed_limits import limits_at
from collector.evidence import excerpt
from collector.evidence.figures.evaluation import Evaluated, NodeRows, by_hours, hour_asked_s
from collector.evidence.figures.readings import EventMessage

Kind: TypeAlias = Literal["string", "number", "integer", "boolean", "datetime", "date", "time"]
Cell: TypeAlias = str | float | int | bool | datetime | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name with its unit, its kind, and how many decimals its numbers have."""

    name: str
    kind: Kind
    decimals: int = 1


@dataclass(frozen=True, slots=True)
class Table:
    """A table; each row has a cell a column, and times are local ones."""

    name: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


def tables(evaluated: Evaluated, registry: excerpt.Excerpt) -> tuple[Table, ...]:
    """Return all tables of a summary."""
    zone = ZoneInfo(registry.site.time_zone)
    limits = registry.speed_limits
    return (
        Table("events", _EVENTS, tuple(_event_rows(evaluated, limits, zone))),
        Table("episodes", _EPISODES, tuple(_episode_rows(evaluated, zone))),
        Table("levels", _LEVELS, tuple(_level_rows(evaluated.rows, zone))),
        Table("coverage", _COVERAGE, tuple(_coverage_rows(evaluated, zone))),
        Table("excluded", _EXCLUDED, tuple(_excluded_rows(evaluated, zone))),
    )


_EVENTS: Final = (
    Column("start", "datetime"),
    Column("local_date", "date"),
    Column("local_time", "time"),
    Column("node", "string"),
    Column("id", "string"),
    Column("seq", "integer"),
    Column("counted_as", "string"),
    Column("pass", "integer"),
    Column("duration_s", "number", 3),
    Column("trigger", "string"),
    Column("lafmax_db", "number"),
    Column("lae_db", "number"),
    Column("laeq_db", "number"),
    Column("level_u95_db", "number"),
    Column("background_laf90_db", "number"),
    Column("emergence_db", "number"),
    Column("source", "string"),
    Column("source_probability", "number", 3),
    Column("speed_kmh", "number", 2),
    Column("speed_low_kmh", "number", 2),
    Column("speed_high_kmh", "number", 2),
    Column("direction", "integer"),
    Column("speed_method", "string"),
    Column("speed_refused", "string"),
    Column("limit_kmh", "number"),
    Column("over_limit", "boolean"),
    Column("flags", "string"),
    Column("payload_sha256", "string"),
)


def _event_rows(
    evaluated: Evaluated, limits: Sequence[excerpt.SpeedLimit], zone: ZoneInfo
) -> Iterator[tuple[Cell, ...]]:
    of_pass = {
        (heard.node, heard.id): (number, one)
        for number, one in enumerate(evaluated.passes, start=1)
        for heard in one.heard
    }
    starts = (one.event.start for one in evaluated.events)
    held = limits_at(limits, starts, str(zone))
    u95_db = evaluated.report.level_u95_db
    for heard, limit_kmh in zip(evaluated.events, held, strict=True):
        event, speed = heard.event, heard.event.speed
        number, one = of_pass.get((event.node, event.id), (None, None))
        local = event.start.astimezone(zone)
        yield (
            local,
            local,
            local,
            event.node,
            event.id,
            heard.seq,
            _counted_as(one),
            number,
            event.duration_s,
            event.trigger,
            event.lafmax_db,
            event.lae_db,
            event.laeq_db,
            u95_db,
            event.background_laf90_db,
            event.emergence_db,
            event.source.kind,
            event.source.probability,
            speed.speed_kmh if speed else None,
            speed.low_kmh if speed else None,
            speed.high_kmh if speed else None,
            speed.direction if speed else None,
            speed.method if speed else None,
            event.speed_refused,
            limit_kmh,
            _over(heard, limit_kmh),
            " ".join(event.flags),
            heard.sha256,
        )


def _counted_as(one: Pass | None) -> str:
    if one is None:
        return "other"
    return "pass" if one.confirmed else "unconfirmed"


def _over(heard: EventMessage, limit_kmh: float | None) -> bool | None:
    speed = heard.event.speed
    if speed is None or limit_kmh is None:
        return None
    return speed.low_kmh > limit_kmh + MARGIN_KMH


_EPISODES: Final = (
    Column("start", "datetime"),
    Column("end", "datetime"),
    Column("local_date", "date"),
    Column("local_time", "time"),
    Column("passes", "integer"),
    Column("unconfirmed", "integer"),
    Column("lafmax_db", "number"),
    Column("speed_kmh", "number", 2),
    Column("reasons", "string"),
)


def _episode_rows(evaluated: Evaluated, zone: ZoneInfo) -> Iterator[tuple[Cell, ...]]:
    for one in evaluated.episodes:
        start = one.start.astimezone(zone)
        reasons = (
            f"{reason.code}("
            + " ".join(f"{name}={value:g}" for name, value in sorted(reason.numbers.items()))
            + ")"
            for reason in one.reasons
        )
        yield (
            start,
            one.end.astimezone(zone),
            start,
            start,
            one.passes,
            one.unconfirmed,
            one.lafmax_db,
            one.speed_kmh,
            " ".join(reasons),
        )


_LEVELS: Final = (
    Column("start", "datetime"),
    Column("end", "datetime"),
    Column("node", "string"),
    Column("laeq_db", "number", 2),
    Column("lafmax_db", "number"),
    Column("measured_s", "number", 3),
    Column("excluded_s", "number", 3),
)


def _level_rows(rows: Sequence[NodeRows], zone: ZoneInfo) -> Iterator[tuple[Cell, ...]]:
    for row in rows:
        quarters = row.quarters
        columns = zip(
            quarters.start_s.tolist(),
            quarters.end_s.tolist(),
            quarters.laeq_db.tolist(),
            row.lafmax_db,
            quarters.measured_s.tolist(),
            row.excluded_s,
            strict=True,
        )
        for start_s, end_s, laeq_db, lafmax_db, measured_s, excluded_s in columns:
            yield (
                datetime.fromtimestamp(start_s, zone),
                datetime.fromtimestamp(end_s, zone),
                row.node,
                None if isnan(laeq_db) else laeq_db,
                None if isnan(lafmax_db) else lafmax_db,
                measured_s,
                excluded_s,
            )


_COVERAGE: Final = (
    Column("start", "datetime"),
    Column("node", "string"),
    Column("asked_s", "number", 3),
    Column("measured_s", "number", 3),
    Column("excluded_s", "number", 3),
    Column("missing_s", "number", 3),
)


def _coverage_rows(evaluated: Evaluated, zone: ZoneInfo) -> Iterator[tuple[Cell, ...]]:
    request = evaluated.report.request
    asked = hour_asked_s(request)
    first = int(request.start.timestamp() // 3600)
    for row in evaluated.rows:
        measured = by_hours(request, row.quarters.measured_s.tolist())
        excluded = by_hours(request, row.excluded_s)
        hours = enumerate(zip(asked, measured, excluded, strict=True), start=first)
        for hour, (asked_s, measured_s, excluded_s) in hours:
            yield (
                datetime.fromtimestamp(hour * 3600, zone),
                row.node,
                asked_s,
                measured_s,
                excluded_s,
                max(0.0, round(asked_s - measured_s - excluded_s, 3)),
            )


_EXCLUDED: Final = (
    Column("start", "datetime"),
    Column("end", "datetime"),
    Column("node", "string"),
    Column("kind", "string"),
    Column("reason", "string"),
    Column("measured_s", "number", 3),
    Column("first_seq", "integer"),
    Column("last_seq", "integer"),
    Column("event", "string"),
)


def _excluded_rows(evaluated: Evaluated, zone: ZoneInfo) -> Iterator[tuple[Cell, ...]]:
    for left in evaluated.left:
        yield (
            datetime.fromtimestamp(left.start_s, UTC).astimezone(zone),
            datetime.fromtimestamp(left.end_s, UTC).astimezone(zone),
            left.node,
            left.kind,
            left.reason,
            left.measured_s,
            left.first_seq,
            left.last_seq,
            left.event or None,
        )
