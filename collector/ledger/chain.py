"""Each node's chain: up to where it is whole, and where it does not hold together.

What is counted does not depend on the order in which messages come in, so a node that resends
after an outage ends where one that never failed does, and a rebuild finds the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, select

from collector.analysis.stretches import Stretch, Stretches, hashes_in, stretches_in
from collector.database.database import upsert
from collector.database.tables import message, node_state
from collector.ledger.absence import known_hashes, unawaited
from sensor.contract.messages import GENESIS, Absence, Health, Message

_KEYS_A_QUERY: Final = 1000
_COLUMNS: Final = tuple(column.name for column in node_state.c)


class Link(NamedTuple):
    """A message as its neighbours in the chain see it; `prev` is None where only they know it."""

    sha256: str
    prev: str | None


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A message with its place in the ledger; `message` is None once it is pruned."""

    position: int
    node: str
    seq: int
    prev: str
    sha256: str
    kind: str
    time: datetime
    received_at: datetime
    message: Message | None


@dataclass(frozen=True, slots=True)
class ChainState:
    """Where a node's chain stands.

    Attributes
    ----------
    acked_seq : int
        Every message up to here is in the ledger; 0: none.
    highest_seq, head_sha256, last_time, simulated
        Of the newest message by number: the number, hash and time, and whether it says that
        what it tells never happened.
    chain_breaks : int
        Pairs of neighbours where the later one's `prev` is not the earlier one's hash.
    health : dict, optional
        The newest ``health`` message by number (`health_seq`).
    """

    node: str
    acked_seq: int = 0
    highest_seq: int = 0
    head_sha256: str = GENESIS
    chain_breaks: int = 0
    last_time: datetime | None = None
    last_received_at: datetime | None = None
    simulated: bool = False
    health_seq: int = 0
    health: dict[str, Any] | None = None


class Chains:
    """The chains of the nodes that a batch touches, read, carried on and written.

    Parameters
    ----------
    connection : Connection
        Of the transaction that writes the batch.
    seqs : mapping
        By node, the numbers that the batch holds.
    before : int
        The ledger's first position that does not count as stored yet.
    """

    def __init__(
        self, connection: Connection, seqs: Mapping[str, Collection[int]], before: int
    ) -> None:
        self._connection = connection
        self._before = before
        self._news: defaultdict[str, list[Stretch]] = defaultdict(list)
        # Of messages that are not there, but that their node told to be gone.
        self._gone: dict[tuple[str, int], str] = {}
        self._newly_gone: set[tuple[str, int]] = set()
        self.states = _states(connection, seqs)
        self._links = {
            (node, seq): link
            for node, numbers in seqs.items()
            for seq, link in self._neighbours(self.states[node], set(numbers)).items()
        }

    def link(self, node: str, seq: int) -> Link | None:
        """The message of that number, stored or told to be gone; None: not there yet."""
        if (there := self._links.get((node, seq))) is not None:
            return there
        sha256 = self._gone.get((node, seq))
        return None if sha256 is None else Link(sha256, prev=None)

    def add(self, node: str, seq: int, link: Link) -> None:
        """Note a message that the batch stores."""
        self._links[node, seq] = link

    def add_absence(self, told: Absence) -> None:
        """Note what a message of the batch tells to be gone; of what is there it changes nothing.

        The numbers that it tells the hashes of were among those of the batch.
        """
        self._news[told.node] += stretches_in(told)
        for seq, sha256 in hashes_in(told).items():
            if self.link(told.node, seq) is None:
                self._gone[told.node, seq] = sha256
                self._newly_gone.add((told.node, seq))

    def pass_gaps(self, node: str) -> ChainState:
        """Carry a state on over what nobody waits for any more, and write it."""
        state = self.states[node]
        acked = self._over_gaps(state, state.acked_seq, ())
        self.states[node] = replace(state, acked_seq=acked)
        self._write([self.states[node]])
        return self.states[node]

    def advance(self, batch: Sequence[Stored]) -> None:
        """Carry the states on over the batch, all of whose messages were added, and write them."""
        by_node: defaultdict[str, list[Stored]] = defaultdict(list)
        for stored in batch:
            by_node[stored.node].append(stored)
        for node, new in by_node.items():
            self.states[node] = self._advanced(self.states[node], new)
        self._write([self.states[node] for node in by_node])

    def _advanced(self, state: ChainState, new: Sequence[Stored]) -> ChainState:
        seqs = {stored.seq for stored in new}
        breaks = state.chain_breaks + self._breaks(state.node, seqs)
        acked = self._without_gap(state, seqs)
        received = [stored.received_at for stored in new]
        if state.last_received_at is not None:
            received.append(state.last_received_at)
        state = replace(state, acked_seq=acked, chain_breaks=breaks, last_received_at=max(received))
        newest = max(new, key=lambda stored: stored.seq)
        if newest.seq > state.highest_seq:
            state = replace(
                state,
                highest_seq=newest.seq,
                head_sha256=newest.sha256,
                last_time=newest.time,
                simulated=newest.message is not None and "simulated" in newest.message.flags,
            )
        return _with_health(state, (stored.message for stored in new))

    def _breaks(self, node: str, seqs: Collection[int]) -> int:
        new = {*seqs, *(seq for name, seq in self._newly_gone if name == node)}
        later = {number for seq in new for number in (seq, seq + 1)}
        return sum(self._is_broken(node, number) for number in later)

    def _is_broken(self, node: str, seq: int) -> bool:
        link = self.link(node, seq)
        expected = GENESIS if seq == 1 else None
        if (earlier := self.link(node, seq - 1)) is not None:
            expected = earlier.sha256
        if link is None or link.prev is None or expected is None:
            return False
        return link.prev != expected

    def _without_gap(self, state: ChainState, seqs: Collection[int]) -> int:
        acked = _through(state.acked_seq, seqs)
        stands = acked == state.acked_seq and state.node not in self._news
        if stands or acked >= max(state.highest_seq, *seqs):
            return acked
        # A gap was closed: what came in before behind it counts now.
        return self._over_gaps(state, acked, seqs)

    def _over_gaps(self, state: ChainState, acked: int, seqs: Collection[int]) -> int:
        told = unawaited(self._connection, state.node, acked)
        unawaited_now = Stretches([*told, *self._news[state.node]])
        rows = self._connection.execute(
            select(message.c.seq)
            .where(message.c.node == state.node, message.c.seq > acked)
            .where(message.c.position < self._before)
            .order_by(message.c.seq)
            .execution_options(yield_per=1000)
        )
        for (seq,) in rows:
            acked = _through(acked, seqs, unawaited_now)
            if seq > acked + 1:
                break
            acked = max(acked, seq)
        rows.close()
        return _through(acked, seqs, unawaited_now)

    def _neighbours(self, state: ChainState, seqs: Collection[int]) -> dict[int, Link]:
        near = {number for seq in seqs for number in (seq - 1, seq, seq + 1)}
        wanted = sorted(number for number in near if 1 <= number <= state.highest_seq)
        if wanted == [state.highest_seq]:
            # The usual case, the chain goes on at its head, costs no query. The head's own `prev`
            # was looked at when the head came in.
            return {state.highest_seq: Link(state.head_sha256, prev="")}
        links = {}
        for first in range(0, len(wanted), _KEYS_A_QUERY):
            chosen = wanted[first : first + _KEYS_A_QUERY]
            rows = self._connection.execute(
                select(message.c.seq, message.c.sha256, message.c.prev)
                .where(message.c.node == state.node, message.c.seq.in_(chosen))
                .where(message.c.position < self._before)
            )
            links.update({row.seq: Link(row.sha256, row.prev) for row in rows})
        absent = [seq for seq in wanted if seq not in links]
        told = known_hashes(self._connection, state.node, absent)
        self._gone.update({(state.node, seq): sha256 for seq, sha256 in told.items()})
        return links

    def _write(self, states: Iterable[ChainState]) -> None:
        # Not asdict(), which copies what is within.
        rows = [{name: getattr(state, name) for name in _COLUMNS} for state in states]
        insert = upsert(self._connection, node_state)
        others = {name: insert.excluded[name] for name in rows[0] if name != "node"}
        self._connection.execute(
            insert.on_conflict_do_update(index_elements=["node"], set_=others), rows
        )


def _states(connection: Connection, nodes: Iterable[str]) -> dict[str, ChainState]:
    chosen = list(nodes)
    states = {node: ChainState(node) for node in chosen}
    rows = connection.execute(select(node_state).where(node_state.c.node.in_(chosen)))
    states.update({row["node"]: ChainState(**row) for row in rows.mappings()})
    return states


_NONE: Final = Stretches(())


def _through(acked: int, seqs: Collection[int], unawaited_now: Stretches = _NONE) -> int:
    while True:
        if acked + 1 in seqs:
            acked += 1
        elif (end := unawaited_now.end_of(acked + 1)) is not None:
            acked = end
        else:
            return acked


def _with_health(state: ChainState, messages: Iterable[Message | None]) -> ChainState:
    healths = [message for message in messages if isinstance(message, Health)]
    newest = max(healths, key=lambda health: health.seq, default=None)
    if newest is None or newest.seq < state.health_seq:
        return state
    return replace(state, health_seq=newest.seq, health=msgspec.to_builtins(newest))
