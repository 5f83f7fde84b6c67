"""Is one message of the ledger still what its node signed? Asked now, not remembered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from collector.check.messages import examined, prunings
from collector.database.tables import message
from collector.registry.inventory import Inventory


@dataclass(frozen=True, slots=True)
class MessageCheck:
    """What was found of one message.

    Attributes
    ----------
    seq : int
        Its number among its node's.
    sha256 : str
        Its hash when it came in.
    pruned : bool
        Whether its content was lawfully removed, so that only hash and signature are left.
    faults : tuple of str
        Why it is not what its node signed; empty: it is.
    """

    node: str
    seq: int
    sha256: str
    received_at: datetime
    pruned: bool
    faults: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether it is what its node signed."""
        return not self.faults


def check_message(
    connection: Connection, inventory: Inventory, position: int
) -> MessageCheck | None:
    """Verify the message at `position` against its node's key; None where there is none."""
    row = connection.execute(select(message).where(message.c.position == position)).one_or_none()
    if row is None:
        return None
    _, faults = examined(row, inventory, prunings(connection))
    return MessageCheck(
        node=row.node,
        seq=row.seq,
        sha256=row.sha256,
        received_at=row.received_at,
        pruned=not row.payload,
        faults=tuple(faults),
    )
