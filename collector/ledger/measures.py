"""Figures about the ledger itself, for those who watch the collector."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    case,
    func,
    literal,
    select,
    type_coerce,
)

from collector.database.tables import message, quarantine, quarantine_overflow
from collector.ledger.records import TouchedHour

_MICROSECONDS_A_SECOND: Final = 1_000_000
_MICROSECONDS_AN_HOUR: Final = 3_600_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR: Final = timedelta(hours=1)
# Never below zero: a node whose clock runs ahead has no lag.
_ON_THE_WAY: Final = type_coerce(message.c.received_at, BigInteger) - type_coerce(
    message.c.time, BigInteger
)
_LAG: Final = case((_ON_THE_WAY < 0, literal(0, BigInteger)), else_=_ON_THE_WAY)


@dataclass(frozen=True, slots=True)
class Lags:
    """How long messages of a kind were on their way.

    Attributes
    ----------
    at_most : tuple of int
        How many took at most each of the bounds that were asked for.
    messages : int
        How many there are.
    total_s : float
        The sum of their times.
    """

    kind: str
    at_most: tuple[int, ...]
    messages: int
    total_s: float


@dataclass(frozen=True, slots=True)
class Backlog:
    """What an output has not got yet: how many messages, and when the oldest came in."""

    messages: int
    oldest_received_at: datetime | None


def head(connection: Connection) -> int:
    """Position of the newest message; 0: there is none."""
    return connection.scalar(select(func.max(message.c.position))) or 0


def backlog(connection: Connection, position: int) -> Backlog:
    """Return what stands behind `position`."""
    query = select(message.c.received_at).where(message.c.position > position)
    oldest = connection.scalar(query.order_by(message.c.position).limit(1))
    # Positions are dense, so nothing has to be counted.
    return Backlog(max(0, head(connection) - position), oldest)


def touched(connection: Connection, *conditions: ColumnElement[bool]) -> list[TouchedHour]:
    """Return the hours in which events and levels begin of which `conditions` hold, not pruned."""
    hour = (type_coerce(message.c.start, BigInteger) // _MICROSECONDS_AN_HOUR).label("hour")
    query = select(message.c.node, message.c.kind, hour).distinct()
    chosen = message.c.kind.in_(["event", "levels"]), func.length(message.c.payload) > 0
    rows = connection.execute(query.where(*chosen, *conditions))
    return [TouchedHour(node, kind, _EPOCH + hour * _HOUR) for node, kind, hour in rows]


def lags(connection: Connection, after: int, upto: int, bounds_s: Sequence[float]) -> list[Lags]:
    """Return how long the messages at positions (`after`, `upto`] were on their way, by kind."""
    bounds = [round(bound_s * _MICROSECONDS_A_SECOND) for bound_s in bounds_s]
    within: list[Any] = [
        func.sum(case((literal(bound, BigInteger) >= _LAG, 1), else_=0)) for bound in bounds
    ]
    query = select(message.c.kind, func.count(), func.sum(_LAG), *within)
    behind = query.where(message.c.position > after, message.c.position <= upto)
    return [
        Lags(kind, tuple(map(int, at_most)), count, float(total) / _MICROSECONDS_A_SECOND)
        for kind, count, total, *at_most in connection.execute(behind.group_by(message.c.kind))
    ]


def count(connection: Connection, start: datetime, end: datetime) -> int:
    """Return how many messages have a content that begins within [`start`, `end`)."""
    query = select(func.count()).select_from(message)
    within = query.where(
        message.c.start >= start, message.c.start < end, func.length(message.c.payload) > 0
    )
    return connection.scalar(within) or 0


def quarantined(connection: Connection) -> dict[str, int]:
    """Return how often something was refused, by reason, but for what people dropped."""
    found: Counter[str] = Counter()
    for table in (quarantine, quarantine_overflow):
        query = select(table.c.reason, func.sum(table.c["count"])).group_by(table.c.reason)
        found.update({reason: int(count) for reason, count in connection.execute(query)})
    return dict(found)
