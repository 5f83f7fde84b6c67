"""One node's chain, walked from its first message to its last."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, func, select

from collector.chain import ChainState
from collector.tables import message
from sensor.contract.codec import decode
from sensor.contract.errors import ContractError
from sensor.contract.messages import Message

_MOST_TOLD: Final = 100
_COLUMNS: Final = (
    message.c.seq,
    message.c.prev,
    message.c.sha256,
    message.c.time,
    message.c.received_at,
    (func.length(message.c.payload) == 0).label("pruned"),
)


@dataclass(slots=True)
class ChainCheck:
    """What was found of a chain.

    Attributes
    ----------
    gaps : list of (int, int)
        First and last number of what is missing, the first hundred stretches.
    missing : int
        Messages in all gaps.
    breaks : list of int
        Numbers of messages that name another predecessor than the one there is, the first hundred.
    broken : int
        How many of them there are.
    """

    messages: int = 0
    pruned: int = 0
    highest_seq: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)
    missing: int = 0
    breaks: list[int] = field(default_factory=list)
    broken: int = 0

    @property
    def holds(self) -> bool:
        """Whether it is whole from the first message to the last."""
        return not self.missing and not self.broken

    def add(self, seq: int, *, fits: bool, pruned: bool) -> None:
        """Note the next message."""
        if seq > self.highest_seq + 1:
            self.missing += seq - self.highest_seq - 1
            if len(self.gaps) < _MOST_TOLD:
                self.gaps.append((self.highest_seq + 1, seq - 1))
        if not fits:
            self.broken += 1
            if len(self.breaks) < _MOST_TOLD:
                self.breaks.append(seq)
        self.messages += 1
        self.pruned += pruned
        self.highest_seq = seq


def check_chain(connection: Connection, node: str) -> tuple[ChainCheck, ChainState]:
    """Return what was found of a node's chain, and the state that a rebuild would give it."""
    found = ChainCheck()
    state = ChainState(node)
    rows = connection.execute(
        select(*_COLUMNS)
        .where(message.c.node == node)
        .order_by(message.c.seq)
        .execution_options(yield_per=1000)
    )
    for row in rows:
        # Across a gap nothing can be said.
        fits = row.seq != state.highest_seq + 1 or row.prev == state.head_sha256
        found.add(row.seq, fits=fits, pruned=bool(row.pruned))
        state = _carried_on(state, row, fits=fits)
    return found, _with_content(connection, state)


def _carried_on(state: ChainState, row: Row[Any], *, fits: bool) -> ChainState:
    received = [row.received_at, *([state.last_received_at] if state.last_received_at else [])]
    return replace(
        state,
        acked_seq=row.seq if row.seq == state.acked_seq + 1 else state.acked_seq,
        highest_seq=row.seq,
        head_sha256=row.sha256,
        chain_breaks=state.chain_breaks + (not fits),
        last_time=row.time,
        last_received_at=max(received),
    )


def _with_content(connection: Connection, state: ChainState) -> ChainState:
    own = select(message.c.seq, message.c.payload).where(message.c.node == state.node)
    newest = connection.execute(own.where(message.c.seq == state.highest_seq)).one_or_none()
    content = None if newest is None else _readable(newest.payload)
    state = replace(state, simulated=content is not None and "simulated" in content.flags)
    healths = own.where(message.c.kind == "health", func.length(message.c.payload) > 0)
    health = connection.execute(healths.order_by(message.c.seq.desc()).limit(1)).one_or_none()
    if health is None or (content := _readable(health.payload)) is None:
        return state
    # As it comes back from the database.
    as_json = msgspec.json.decode(msgspec.json.encode(content))
    return replace(state, health_seq=health.seq, health=as_json)


def _readable(payload: bytes) -> Message | None:
    try:
        return decode(payload) if payload else None
    except ContractError:
        return None
