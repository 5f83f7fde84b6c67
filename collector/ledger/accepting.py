"""A gap that is accepted to stay: recorded for good, and waited for no longer."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection

from collector.analysis.stretches import Stretch
from collector.errors import LedgerError
from collector.ledger.absence import gaps, note_accepted
from collector.ledger.appending import next_position
from collector.ledger.chain import Chains


def accept_gap(connection: Connection, node: str, stretch: Stretch, reason: str) -> int:
    """Accept it in a transaction that writes; see :meth:`.Ledger.accept_gap`."""
    first, last = stretch
    chains = Chains(connection, {node: ()}, before=next_position(connection))
    state = chains.states[node]
    waited_for = gaps(connection, node, state.acked_seq, state.highest_seq)
    if not any(begin <= first <= last <= end for begin, end in waited_for):
        raise LedgerError(
            f"messages {first} to {last} of {node} are not one stretch that is missing: "
            "skolro collector gap list shows what is"
        )
    if not reason.strip():
        raise LedgerError(
            f"why will messages {first} to {last} of {node} never come? Give --reason"
        )
    note_accepted(connection, node, stretch, reason.strip(), datetime.now(UTC))
    return chains.pass_gaps(node).acked_seq
