"""What was refused, examined again: a node may have been registered since."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from collector.ledger import quarantine
from collector.ledger.appending import append
from collector.ledger.quarantine import Quarantined
from collector.ledger.verification import Received, Refused, examine
from collector.registry.inventory import Inventory

STORED: Final = "stored"
DUPLICATE: Final = "duplicate"


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of an entry of the quarantine.

    Attributes
    ----------
    outcome : str
        ``stored``, ``duplicate`` (the ledger had it already), or the reason why it is refused.
    detail : str
        More about that reason.
    """

    id: int
    outcome: str
    detail: str = ""

    @property
    def left(self) -> bool:
        """Whether the entry has left the quarantine."""
        return self.outcome in {STORED, DUPLICATE}


def retry(connection: Connection, inventory: Inventory, item: Quarantined) -> Retried:
    """Store `item` if it is a message now; it stays as it is if not.

    It counts as received when it first came, so a key that was revoked before stays so.
    """
    received = Received(item.topic, item.payload, item.signature, item.received_at)
    examined = examine(received, inventory)
    if isinstance(examined, Refused):
        return Retried(item.id, examined.reason, examined.detail)
    appended = append(connection, inventory, [examined])
    for refused in appended.refused:
        return Retried(item.id, refused.reason, refused.detail)
    quarantine.remove(connection, item.id)
    return Retried(item.id, STORED if appended.stored else DUPLICATE)
