"""Is a stored message still what its node signed, and does its row say what it says?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from collector.database.tables import pruning
from collector.ledger.chain import Stored
from collector.ledger.verification import Received, Refused, Verified, examine
from collector.registry.inventory import Inventory
from sensor.contract.codec import decode
from sensor.contract.errors import ContractError
from sensor.contract.messages import KeyChange, Message
from sensor.contract.signature import payload_hash, public_key_from_text, thumbprint
from sensor.contract.topics import topic


def prunings(connection: Connection) -> dict[str, datetime]:
    """Return, by kind, before when messages must have come in to have been pruned."""
    query = select(pruning.c.kind, func.max(pruning.c.received_before)).group_by(pruning.c.kind)
    return {row[0]: row[1] for row in connection.execute(query)}


def examined(
    row: Row[Any], inventory: Inventory, pruned: Mapping[str, datetime]
) -> tuple[Stored | None, list[str]]:
    """Return the message in a row, as far as it can be read, and what is wrong with it."""
    if not row.payload:
        before = pruned.get(row.kind)
        lawful = before is not None and row.received_at < before
        return _stored(row, None), [] if lawful else ["its content is gone, but was never pruned"]
    # SQLite takes a text for bytes, where somebody wrote one.
    payload = row.payload if isinstance(row.payload, bytes) else str(row.payload).encode()
    faults = []
    if payload_hash(payload) != row.sha256:
        faults.append("its content was changed: it has another hash than when it came in")
    received = Received(topic(row.node, row.kind), payload, row.signature, row.received_at)
    match examine(received, inventory):
        case Verified() as verified:
            faults += [*_contradictions(row, verified), *_unknown_key(verified, inventory)]
            return _stored(row, verified.message), faults
        case Refused(detail=detail):
            content = _readable(payload)
            return None if content is None else _stored(row, content), [*faults, detail]


def _contradictions(row: Row[Any], verified: Verified) -> list[str]:
    content = verified.message
    pairs = {
        "number": (row.seq, content.seq),
        "previous hash": (row.prev, content.prev),
        "time": (row.time, content.time),
        "start": (row.start, verified.start),
    }
    return [
        f"its {name} is listed as {listed}, but it says {said}"
        for name, (listed, said) in pairs.items()
        if listed != said
    ]


def _unknown_key(verified: Verified, inventory: Inventory) -> list[str]:
    if not isinstance(verified.message, KeyChange):
        return []
    kid = thumbprint(public_key_from_text(verified.message.public_key))
    return [] if kid in inventory.keys else ["the key that it announces is not registered"]


def _readable(payload: bytes) -> Message | None:
    try:
        return decode(payload)
    except ContractError:
        return None


def _stored(row: Row[Any], content: Message | None) -> Stored:
    return Stored(
        position=row.position,
        node=row.node,
        seq=row.seq,
        prev=row.prev,
        sha256=row.sha256,
        kind=row.kind,
        time=row.time,
        received_at=row.received_at,
        message=content,
    )
