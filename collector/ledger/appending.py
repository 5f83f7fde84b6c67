"""How verified messages get into the ledger, within a transaction that writes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, select

from collector.analysis.stretches import Stretch, hashes_in
from collector.database.database import insert_tuples, upsert
from collector.database.tables import message, microseconds, node_anomaly
from collector.ledger.absence import gaps
from collector.ledger.chain import Chains, Link, Stored
from collector.ledger.key_changes import contradiction, register_keys
from collector.ledger.projections import project
from collector.ledger.verification import Refused, Verified
from collector.registry.inventory import Inventory
from sensor.contract.messages import MOST_ASKED, Absence


@dataclass(slots=True)
class Appended:
    """What became of messages: new ones, those that were there, and those that contradict.

    `forks` are numbers that another message has, `late_keys` announce a key as of before what the
    last one signed.

    `acked` tells, by node, up to which number all of its messages are there, and `missing` what
    is waited for, of nodes whose `acked` stood still. `rekeyed` are nodes that announced a key.
    """

    stored: list[Verified] = field(default_factory=list)
    duplicates: list[Verified] = field(default_factory=list)
    forks: list[Refused] = field(default_factory=list)
    late_keys: list[Refused] = field(default_factory=list)
    acked: Mapping[str, int] = field(default_factory=dict)
    missing: Mapping[str, list[Stretch]] = field(default_factory=dict)
    rekeyed: list[str] = field(default_factory=list)

    @property
    def refused(self) -> list[Refused]:
        """All that contradicts what is in the ledger."""
        return [*self.forks, *self.late_keys]


def append(connection: Connection, inventory: Inventory, verified: Sequence[Verified]) -> Appended:
    """Store what is new, and carry chains and projections on over it."""
    position = next_position(connection)
    seqs: defaultdict[str, set[int]] = defaultdict(set)
    for item in verified:
        seqs[item.message.node].add(item.message.seq)
        if isinstance(item.message, Absence):
            seqs[item.message.node].update(hashes_in(item.message))
    chains = Chains(connection, seqs, before=position)
    before = {node: state.acked_seq for node, state in chains.states.items()}
    appended = _sorted(connection, chains, verified)
    if appended.stored:
        stored = _store(connection, appended.stored, position)
        chains.advance(stored)
        project(connection, stored, inventory)
        appended.rekeyed = register_keys(connection, appended.stored)
    appended.acked = {node: state.acked_seq for node, state in chains.states.items()}
    stood_still = (
        chains.states[node] for node, seq in before.items() if appended.acked[node] == seq
    )
    appended.missing = {
        state.node: gaps(connection, state.node, state.acked_seq, state.highest_seq, MOST_ASKED)
        for state in stood_still
    }
    return appended


def note_anomalies(connection: Connection, appended: Appended) -> None:
    """Count what came and was there already, as it is or with another content."""
    replays = Counter(item.message.node for item in appended.duplicates)
    # The topic of a fork was found to be its node's.
    forks = Counter(item.received.topic.split("/")[2] for item in appended.forks)
    rows = [
        {"node": node, "replays": replays[node], "forks": forks[node]}
        for node in replays.keys() | forks.keys()
    ]
    if not rows:
        return
    insert = upsert(connection, node_anomaly)
    counted = {name: node_anomaly.c[name] + insert.excluded[name] for name in ("replays", "forks")}
    connection.execute(insert.on_conflict_do_update(index_elements=["node"], set_=counted), rows)


def next_position(connection: Connection) -> int:
    """Return where the next message will stand."""
    return (connection.scalar(select(func.max(message.c.position))) or 0) + 1


def _sorted(connection: Connection, chains: Chains, verified: Iterable[Verified]) -> Appended:
    appended = Appended()
    for item in verified:
        node, seq = item.message.node, item.message.seq
        there = chains.link(node, seq)
        if there is None and (late := contradiction(connection, item, appended.stored)):
            appended.late_keys.append(late)
        elif there is None:
            chains.add(node, seq, Link(item.sha256, item.message.prev))
            if isinstance(item.message, Absence):
                chains.add_absence(item.message)
            appended.stored.append(item)
        elif there.sha256 == item.sha256:
            appended.duplicates.append(item)
        else:
            detail = f"message {seq} of {node} is {there.sha256} in the ledger"
            appended.forks.append(Refused(item.received, "fork", detail))
    return appended


def _store(connection: Connection, new: Sequence[Verified], position: int) -> list[Stored]:
    stored = [_placed(number, item) for number, item in enumerate(new, start=position)]
    rows = [
        (
            place.position,
            place.node,
            place.seq,
            place.prev,
            place.sha256,
            place.kind,
            microseconds(place.time),
            microseconds(item.start),
            microseconds(place.received_at),
            item.received.payload,
            item.signature,
        )
        for place, item in zip(stored, new, strict=True)
    ]
    insert_tuples(connection, message, rows)
    return stored


def _placed(position: int, item: Verified) -> Stored:
    return Stored(
        position=position,
        node=item.message.node,
        seq=item.message.seq,
        prev=item.message.prev,
        sha256=item.sha256,
        kind=item.message.kind,
        time=item.message.time,
        received_at=item.received.received_at,
        message=item.message,
    )
