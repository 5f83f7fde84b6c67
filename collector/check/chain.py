"""One node's chain, walked from its first message to its last."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, func, select

from collector.analysis.stretches import Stretch, Stretches, hashes_in, stretches_in
from collector.database.tables import message
from collector.ledger.absence import accepted_gaps, counted
from collector.ledger.chain import ChainState
from sensor.contract.codec import decode
from sensor.contract.errors import ContractError
from sensor.contract.messages import Absence, Message

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
    thinned, lost, accepted : int
        Messages that are not there and that nobody waits for: thinned to minute values or lost,
        as the node says itself, and accepted to be missing by somebody here.
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
    thinned: int = 0
    lost: int = 0
    accepted: int = 0
    breaks: list[int] = field(default_factory=list)
    broken: int = 0

    @property
    def holds(self) -> bool:
        """Whether it is whole from the first message to the last."""
        return not self.missing and not self.broken

    def add(self, seq: int, gaps: Iterable[Stretch], *, fits: bool, pruned: bool) -> None:
        """Note the next message, and what is waited for before it."""
        for first, last in gaps:
            self.missing += last - first + 1
            if len(self.gaps) < _MOST_TOLD:
                self.gaps.append((first, last))
        if not fits:
            self.broken += 1
            if len(self.breaks) < _MOST_TOLD:
                self.breaks.append(seq)
        self.messages += 1
        self.pruned += pruned
        self.highest_seq = seq


def check_chain(connection: Connection, node: str) -> tuple[ChainCheck, ChainState]:
    """Return what was found of a node's chain, and the state that a rebuild would give it."""
    thinned, lost, accepted = counted(connection, node)
    found = ChainCheck(thinned=thinned, lost=lost, accepted=accepted)
    state = ChainState(node)
    # Of what the messages say, not of the list that is made of them.
    hashes, told = _told(connection, node)
    unawaited = Stretches([*told, *_accepted(connection, node)])
    rows = connection.execute(
        select(*_COLUMNS)
        .where(message.c.node == node)
        .order_by(message.c.seq)
        .execution_options(yield_per=1000)
    )
    for row in rows:
        before = state.head_sha256 if row.seq == state.highest_seq + 1 else None
        # Across a gap nothing can be said, but where the node told the hashes.
        expected = before or hashes.get(row.seq - 1)
        fits = expected is None or row.prev == expected
        gaps = list(unawaited.without(state.highest_seq + 1, row.seq - 1))
        found.add(row.seq, gaps, fits=fits, pruned=bool(row.pruned))
        state = _carried_on(state, row, fits=fits, gaps=gaps)
    return found, _with_content(connection, state)


def _told(connection: Connection, node: str) -> tuple[dict[int, str], list[Stretch]]:
    query = select(message.c.payload).where(message.c.node == node, message.c.kind == "absence")
    hashes: dict[int, str] = {}
    stretches: list[Stretch] = []
    for payload in connection.scalars(query.order_by(message.c.position)):
        told = _readable(payload)
        if isinstance(told, Absence):
            hashes = hashes_in(told) | hashes
            stretches += stretches_in(told)
    return hashes, stretches


def _accepted(connection: Connection, node: str) -> list[Stretch]:
    return [(gap.first_seq, gap.last_seq) for gap in accepted_gaps(connection, node)]


def _carried_on(
    state: ChainState, row: Row[Any], *, fits: bool, gaps: Sequence[Stretch]
) -> ChainState:
    acked = state.acked_seq
    if acked == state.highest_seq:
        # What nobody waits for counts as far as the first number that somebody does.
        acked = gaps[0][0] - 1 if gaps else row.seq
    received = [row.received_at, *([state.last_received_at] if state.last_received_at else [])]
    return replace(
        state,
        acked_seq=acked,
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
