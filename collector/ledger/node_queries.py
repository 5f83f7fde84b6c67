"""What is asked of the nodes' hours."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import BigInteger, Connection, Table, func, select, type_coerce

from collector.database.tables import level_hour, node_hour
from collector.ledger.records import NodeHour

_HOUR_US: Final = 3_600_000_000


class MeasuredHour(NamedTuple):
    """Seconds that a node measured in an hour, which begins `hour_us` microseconds after 1970."""

    node: str
    hour_us: int
    measured_s: int


class ToldHour(NamedTuple):
    """Reports of a node in an hour; see :class:`.NodeHour`."""

    node: str
    hour_us: int
    reports: int | None
    prompt: int | None
    microphone_bad: int | None
    under_voltage: int | None


class BackgroundHour(NamedTuple):
    """Background of a node in an hour: mean LAF90."""

    node: str
    hour_us: int
    background_db: float


def node_hours(
    connection: Connection, node: str, start: datetime, end: datetime, simulated: bool
) -> list[NodeHour]:
    """Return hours of a node that begin within [`start`, `end`), in order of time."""
    columns = node_hour.c
    query = select(node_hour).where(columns.node == node, columns.simulated == simulated)
    rows = connection.execute(
        query.where(columns.hour >= start, columns.hour < end).order_by(columns.hour)
    )
    return [NodeHour(**row) for row in rows.mappings()]


def measured_hours(
    connection: Connection, start: datetime, end: datetime, node: str | None
) -> list[MeasuredHour]:
    """Return what was measured in the hours that begin within [`start`, `end`), by all nodes."""
    columns = level_hour.c
    # As the number that it is: a month of many nodes is read in one go.
    hour_us = type_coerce(columns.hour, BigInteger)
    query = select(columns.node, hour_us, func.sum(columns.valid_s))
    chosen = query.where(*_within(level_hour, start, end, node))
    rows = connection.execute(chosen.group_by(columns.node, columns.hour))
    return [MeasuredHour(name, at, int(measured_s)) for name, at, measured_s in rows]


def told_hours(
    connection: Connection, start: datetime, end: datetime, node: str | None
) -> list[ToldHour]:
    """Return how often nodes reported in the hours that begin within [`start`, `end`)."""
    columns = node_hour.c
    told = (columns.reports, columns.prompt, columns.microphone_bad, columns.under_voltage)
    query = select(columns.node, type_coerce(columns.hour, BigInteger), *told)
    rows = connection.execute(query.where(*_within(node_hour, start, end, node)))
    return [ToldHour(*row) for row in rows]


def background_hours(
    connection: Connection,
    nodes: Sequence[str],
    start: datetime,
    end: datetime,
    hours_utc: Collection[int],
    simulated: bool,
) -> list[BackgroundHour]:
    """Return the background of `nodes` in hours of the day that begin within [`start`, `end`)."""
    columns = node_hour.c
    mean = columns.background_db_s / columns.background_s
    hour_us = type_coerce(columns.hour, BigInteger)
    query = select(columns.node, hour_us, mean).where(
        (hour_us // _HOUR_US % 24).in_(sorted(hours_utc)),
        columns.background_s > 0,
        columns.simulated == simulated,
        columns.node.in_(nodes),
        *_within(node_hour, start, end, None),
    )
    return [BackgroundHour(*row) for row in connection.execute(query)]


def _within(table: Table, start: datetime, end: datetime, node: str | None) -> list[Any]:
    within = [table.c.hour >= start, table.c.hour < end]
    return within if node is None else [*within, table.c.node == node]
