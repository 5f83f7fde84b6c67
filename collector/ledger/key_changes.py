"""Keys that follow each other: a node announces the next one under the signature of the last.

From then on the new one counts, and the old one for nothing that is numbered after the
announcement. Whoever holds a revoked key can announce nothing: what it signs is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select, update

from collector.database.tables import message, node_key
from collector.ledger.verification import Received, Refused, Verified
from collector.registry.inventory import NodeKey
from collector.registry.registry import raise_version
from sensor.contract.messages import KeyChange
from sensor.contract.signature import take_apart
from sensor.contract.topics import topic


def register_keys(connection: Connection, stored: Sequence[Verified]) -> list[str]:
    """Take over the keys that new messages announce, and return the nodes whose they are."""
    changes = [(item, item.message) for item in stored if isinstance(item.message, KeyChange)]
    for item, change in changes:
        _take_over(connection, item, change)
    if changes:
        raise_version(connection)
    return [change.node for _, change in changes]


def contradiction(
    connection: Connection, item: Verified, batch: Iterable[Verified]
) -> Refused | None:
    """Return why a key cannot be announced by `item`: its own key signed what is numbered after.

    No node of ours does that, and to believe it would turn what is in the ledger wrong.

    Parameters
    ----------
    batch : iterable of Verified
        New messages that are not in the ledger yet.
    """
    change = item.message
    if not isinstance(change, KeyChange):
        return None
    after = select(message.c.seq, message.c.signature).where(
        message.c.node == change.node, message.c.seq > change.seq
    )
    later = [(row.seq, row.signature) for row in connection.execute(after)]
    later += [
        (one.message.seq, one.signature)
        for one in batch
        if one.message.node == change.node and one.message.seq > change.seq
    ]
    kid = take_apart(item.signature).kid
    signed = [seq for seq, signature in later if take_apart(signature).kid == kid]
    if not signed:
        return None
    detail = f"message {change.seq} of {change.node} ends a key that signed message {min(signed)}"
    return Refused(item.received, "late_key", detail)


def between_changes(batch: Sequence[Received]) -> list[Sequence[Received]]:
    """Return `batch` in parts that end where a key may change: what follows needs the new one."""
    ends = [i for i, one in enumerate(batch, start=1) if one.topic.endswith("/key")]
    if not ends:
        return [batch]
    parts = [batch[i:j] for i, j in zip([0, *ends], [*ends, len(batch)], strict=True)]
    return [part for part in parts if part]


def topics_of(node: str, kinds: Sequence[str]) -> list[str]:
    """Return the topics that a node's stored messages come on."""
    return [topic(node, kind) for kind in kinds]


def _take_over(connection: Connection, item: Verified, change: KeyChange) -> None:
    key = NodeKey.from_text(change.node, change.public_key, item.received.received_at)
    known = connection.scalar(select(node_key.c.node).where(node_key.c.kid == key.kid))
    if known is None:
        row = {
            "kid": key.kid,
            "node": key.node,
            "public_key": change.public_key,
            "since": key.since,
            "announced_seq": change.seq,
        }
        connection.execute(node_key.insert().values(row))
    old = node_key.c.kid == take_apart(item.signature).kid
    ended = update(node_key).where(old, node_key.c.last_seq.is_(None))
    connection.execute(ended.values(last_seq=change.seq))
