"""What was refused, kept with its reason; the same again is counted, not kept again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, select

from collector.database import upsert
from collector.tables import quarantine
from collector.verification import Refused
from sensor.contract.codec import MAX_PAYLOAD_BYTES
from sensor.contract.signature import payload_hash

_MAX_TOPIC: Final = 200
_MAX_TEXT: Final = 1000


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


def put(connection: Connection, refused: Sequence[Refused]) -> None:
    """Keep what was refused."""
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
    """Return how often something was refused."""
    return int(connection.scalar(select(func.coalesce(func.sum(quarantine.c.count), 0))) or 0)


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
