"""How each node did hour by hour, and the background it heard: a row an hour, whatever was sent.

Each column is carried on by a sum, a lowest or a highest value, so that nothing depends on the
order in which messages come in. What was not told stays null.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

from msgspec import UNSET, UnsetType
from sqlalchemy import ColumnElement, Connection, Table, case

from collector.database.database import upsert
from sensor.contract.messages import Flag, Health, LevelBatch, Message

PROMPT: Final = timedelta(minutes=15)
"""A report that comes in within this time came from a node that was connected."""

_Way: TypeAlias = Literal["sum", "lowest", "highest"]

WAYS: Final[Mapping[str, _Way]] = {
    "reports": "sum",
    "prompt": "sum",
    "microphone_bad": "sum",
    "under_voltage": "sum",
    "throttled": "sum",
    "clock_unsure": "sum",
    "uptime_s": "lowest",
    "cpu_load": "highest",
    "cpu_own_share": "highest",
    "cpu_temperature_c": "highest",
    "memory_available_bytes": "lowest",
    "disk_free_bytes": "lowest",
    "disk_written_bytes": "highest",
    "disk_worn_share": "highest",
    "disk_errors": "highest",
    "clock_offset_s": "highest",
    "microphone_lowest_db": "lowest",
    "outbox_depth": "highest",
    "outbox_oldest_s": "highest",
    "background_db_s": "sum",
    "background_s": "sum",
}
"""How the columns of ``node_hour`` are carried on."""

_NO_BACKGROUND: Final[frozenset[Flag]] = frozenset(
    {"wind_suspected", "rain_suspected", "microphone_fault", "overload", "thinned"}
)
"""Flags of levels that are left out of the background: weather, faults, and what was summed up."""

_KEY: Final = ("node", "hour", "simulated")
_Key: TypeAlias = tuple[str, datetime, bool]
_Values: TypeAlias = dict[str, Any]

_ON: Final[Mapping[_Way, Callable[[Any, Any], Any]]] = {
    "sum": lambda one, other: one + other,
    "lowest": min,
    "highest": max,
}


def project_hours(
    connection: Connection, told: Iterable[tuple[Message | None, datetime]], table: Table
) -> None:
    """Carry the hours in `table` on over messages, each with when it was received."""
    hours: dict[_Key, _Values] = {}
    for message, received_at in told:
        match message:
            case Health():
                _add(hours, message, message.time, _of_health(message, received_at))
            case LevelBatch(laf90_db=float(level_db)) if not _NO_BACKGROUND & {*message.flags}:
                spans_s = float(message.interval_s * _measured(message))
                values = {"background_db_s": level_db * spans_s, "background_s": spans_s}
                _add(hours, message, message.start, values)
    _merge(connection, hours, table)


def _measured(message: LevelBatch) -> int:
    return sum(level is not None for level in message.laeq_db)


def _add(
    hours: dict[_Key, _Values], message: Health | LevelBatch, at: datetime, values: _Values
) -> None:
    hour = at.replace(minute=0, second=0, microsecond=0)
    sums = hours.setdefault((message.node, hour, "simulated" in message.flags), {})
    for name, value in values.items():
        if value is not None:
            before = sums.get(name)
            sums[name] = value if before is None else _ON[WAYS[name]](before, value)


def _of_health(health: Health, received_at: datetime) -> _Values:
    offset_s = health.clock_offset_s
    return {
        "reports": 1,
        "prompt": int(received_at - health.time <= PROMPT),
        "microphone_bad": int(health.microphone not in {"ok", "unknown"}),
        "under_voltage": _count(health.under_voltage),
        "throttled": _count(health.throttled),
        "clock_unsure": _count(_known(health.clock_synchronised, is_bad=False)),
        "uptime_s": health.uptime_s,
        "cpu_load": health.cpu_load,
        "cpu_own_share": _or_none(health.cpu_own_share),
        "cpu_temperature_c": health.cpu_temperature_c,
        "memory_available_bytes": _or_none(health.memory_available_bytes),
        "disk_free_bytes": health.disk_free_bytes,
        "disk_written_bytes": _or_none(health.disk_written_bytes),
        "disk_worn_share": _or_none(health.disk_worn_share),
        "disk_errors": _or_none(health.disk_errors),
        "clock_offset_s": None if offset_s is None else abs(offset_s),
        "microphone_lowest_db": _or_none(health.microphone_lowest_db),
        "outbox_depth": health.outbox_depth,
        "outbox_oldest_s": _or_none(health.outbox_oldest_s),
    }


def _known(value: bool | None, *, is_bad: bool) -> bool | UnsetType:
    return UNSET if value is None else value is is_bad


def _count(value: bool | UnsetType) -> int | None:
    return None if value is UNSET else int(value)


def _or_none(value: float | UnsetType) -> float | None:
    return None if isinstance(value, UnsetType) else value


def _merge(connection: Connection, hours: Mapping[_Key, _Values], table: Table) -> None:
    if not hours:
        return
    rows = [
        {**dict.fromkeys(WAYS), **dict(zip(_KEY, key, strict=True)), **values}
        for key, values in hours.items()
    ]
    insert = upsert(connection, table)
    carried = {
        name: _carried(table.c[name], insert.excluded[name], way) for name, way in WAYS.items()
    }
    connection.execute(
        insert.on_conflict_do_update(index_elements=[*_KEY], set_=carried), _sorted(rows)
    )


def _sorted(rows: Sequence[_Values]) -> list[_Values]:
    # Two that write at once then wait for each other in the same order.
    return sorted(rows, key=lambda row: tuple(row[name] for name in _KEY))


def _carried(old: ColumnElement[Any], new: ColumnElement[Any], way: _Way) -> ColumnElement[Any]:
    both: ColumnElement[Any]
    if way == "sum":
        both = old + new
    else:
        goes_on = new < old if way == "lowest" else new > old
        both = case((goes_on, new), else_=old)
    return case((old.is_(None), new), (new.is_(None), old), else_=both)
