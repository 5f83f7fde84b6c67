"""What was refused, kept with its reason; the same again is counted, not kept again.

Anybody who reaches the broker can have rubbish refused, so there is a bound: beyond it the oldest
entries of the reason that takes the most room give way, and only their number is kept. A flood
of one sort cannot push out the few of another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, func, select

from collector.database.database import upsert
from collector.database.tables import quarantine, quarantine_overflow
from collector.ledger.verification import Refused
from sensor.contract.codec import MAX_PAYLOAD_BYTES
from sensor.contract.signature import payload_hash

MOST_BYTES: Final = 64 * 1024 * 1024
"""Most that the quarantine holds: payloads, and :data:`ENTRY_BYTES` for the rest of an entry."""

ENTRY_BYTES: Final = 2048

_MAX_TOPIC: Final = 200
_MAX_TEXT: Final = 1000
_ROOM: Final = func.length(quarantine.c.payload) + ENTRY_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """One thing that was refused.

    Attributes
    ----------
    received_at, last_received_at, count
        When it came first and last, and how often.
    size : int
        Bytes of the payload as it came.
    payload : bytes
        The payload, cut off at the largest size that a message may have.
    """

    id: int
    received_at: datetime
    last_received_at: datetime
    count: int
    reason: str
    detail: str
    topic: str
    sha256: str
    size: int
    payload: bytes
    signature: str | None


@dataclass(frozen=True, slots=True)
class Overflow:
    """How many entries of a reason gave way, how often they had come, and when the last one did."""

    reason: str
    entries: int
    count: int
    last_at: datetime


def put(connection: Connection, refused: Sequence[Refused]) -> None:
    """Keep what was refused, as far as there is room."""
    if not refused:
        return
    insert = upsert(connection, quarantine)
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["topic", "reason", "sha256"],
            set_={
                "count": quarantine.c.count + 1,
                "last_received_at": insert.excluded.last_received_at,
            },
        ),
        [_row(item) for item in refused],
    )
    _make_room(connection)


def remove(connection: Connection, number: int) -> None:
    """Let an entry go."""
    connection.execute(quarantine.delete().where(quarantine.c.id == number))


def ids(
    connection: Connection, *, reason: str | None = None, topics: Sequence[str] | None = None
) -> list[int]:
    """Return the ids of all entries, or of those of a reason and on topics, oldest first."""
    query = select(quarantine.c.id).order_by(quarantine.c.id)
    if reason is not None:
        query = query.where(quarantine.c.reason == reason)
    if topics is not None:
        query = query.where(quarantine.c.topic.in_(topics))
    return list(connection.scalars(query))


def overflow(connection: Connection) -> list[Overflow]:
    """Return what gave way to newer entries."""
    columns = quarantine_overflow.c
    rows = connection.execute(select(quarantine_overflow).order_by(columns.reason))
    return [Overflow(**row) for row in rows.mappings()]


def newest(connection: Connection, limit: int) -> list[Quarantined]:
    """Return what came last, newest first."""
    order = (quarantine.c.last_received_at.desc(), quarantine.c.id.desc())
    rows = connection.execute(select(quarantine).order_by(*order).limit(limit))
    return [Quarantined(**row) for row in rows.mappings()]


def get(connection: Connection, number: int) -> Quarantined | None:
    """Return the entry of that id; None where there is none."""
    rows = connection.execute(select(quarantine).where(quarantine.c.id == number))
    row = rows.mappings().one_or_none()
    return None if row is None else Quarantined(**row)


def total(connection: Connection) -> int:
    """Return how often something was refused, but for what people dropped."""
    tables = (quarantine, quarantine_overflow)
    sums = (connection.scalar(select(func.sum(table.c["count"]))) for table in tables)
    return sum(int(number or 0) for number in sums)


def _make_room(connection: Connection) -> None:
    rows = connection.execute(
        select(quarantine.c.reason, func.sum(_ROOM)).group_by(quarantine.c.reason)
    )
    taken = {reason: int(room) for reason, room in rows}
    while (excess := sum(taken.values()) - MOST_BYTES) > 0:
        largest = max(taken, key=taken.__getitem__)
        taken[largest] -= _drop_oldest(connection, largest, excess)


def _drop_oldest(connection: Connection, reason: str, excess: int) -> int:
    """Drop entries of `reason` until `excess` bytes are free or none is left; return how many."""
    order = (quarantine.c.last_received_at, quarantine.c.id)
    query = select(quarantine.c.id, quarantine.c["count"].label("times"), _ROOM.label("room"))
    rows = connection.execute(query.where(quarantine.c.reason == reason).order_by(*order))
    dropped: list[int] = []
    freed = times = 0
    for row in rows:
        dropped.append(row.id)
        freed += row.room
        times += row.times
        if freed >= excess:
            break
    rows.close()
    for number in dropped:
        remove(connection, number)
    insert = upsert(connection, quarantine_overflow)
    old, new = quarantine_overflow.c, insert.excluded
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["reason"],
            set_={
                "entries": old.entries + new.entries,
                "count": old["count"] + new["count"],
                "last_at": new.last_at,
            },
        ),
        {"reason": reason, "entries": len(dropped), "count": times, "last_at": datetime.now(UTC)},
    )
    return freed


def _row(refused: Refused) -> dict[str, object]:
    received = refused.received
    return {
        "received_at": received.received_at,
        "last_received_at": received.received_at,
        "count": 1,
        "reason": refused.reason,
        "detail": _text(refused.detail, _MAX_TEXT),
        "topic": _text(received.topic, _MAX_TOPIC),
        "sha256": payload_hash(received.payload),
        "size": len(received.payload),
        "payload": received.payload[:MAX_PAYLOAD_BYTES],
        "signature": None if received.signature is None else _text(received.signature, _MAX_TEXT),
    }


def _text(text: str, most: int) -> str:
    # Somebody else's text: no database must stumble over lone surrogates or NUL.
    return (
        text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")[:most]
    )
