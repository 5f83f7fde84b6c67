"""The ledger: every message that a node made, once, for good.

Everything else on the server reads from here and can be remade from it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine, and_, func, or_, select

from collector import quarantine, queries
from collector.chain import Chains, Link, Stored
from collector.database import reading, upsert, writing
from collector.errors import LedgerError
from collector.projections import project
from collector.quarantine import Quarantined
from collector.records import (
    AppendResult,
    Counts,
    EventRow,
    LevelHour,
    LevelSeries,
    NodeState,
    StoredMessage,
)
from collector.registry import Registry
from collector.tables import PROJECTIONS, message, node_online, output_cursor
from collector.verification import Received, Refused, Verified, examine
from sensor.contract.codec import decode

__all__ = ["AppendResult", "Counts", "EventRow", "Ledger", "LevelHour", "LevelSeries",
           "NodeState", "Quarantined", "Received", "StoredMessage"]  # fmt: skip

_LONGEST_BATCH: Final = timedelta(hours=1)
_PAGE: Final = 500
_STORED_MESSAGE: Final = select(
    message.c.position,
    message.c.node,
    message.c.seq,
    message.c.kind,
    message.c.received_at,
    message.c.payload,
    message.c.signature,
)


class Ledger:
    """The ledger in the database `engine`, whose nodes and keys `registry` knows.

    Safe for several threads and processes. Every method raises :class:`LedgerError` where the
    database cannot do what is asked, as when it is locked for long or its disk is full.
    """

    def __init__(self, engine: Engine, registry: Registry) -> None:
        self._engine = engine
        self.registry = registry

    # --- writing

    def append(self, batch: Sequence[Received]) -> AppendResult:
        """Store what nodes of ours made, in one transaction, and quarantine the rest.

        When this returns, it is on the disk. What is there already is left as it is, so
        appending again does no harm.
        """
        inventory = self.registry.inventory()
        verified: list[Verified] = []
        refused: list[Refused] = []
        for received in batch:
            match examine(received, inventory):
                case Verified() as one:
                    verified.append(one)
                case Refused() as other:
                    refused.append(other)
        with writing(self._engine) as connection:
            position = _next_position(connection)
            chains = Chains(connection, _seqs_by_node(verified), before=position)
            new, forks = _new(chains, verified)
            stored = _store(connection, new, position)
            if stored:
                chains.advance(stored)
                project(connection, stored, inventory)
            quarantine.put(connection, [*refused, *forks])
        return AppendResult(
            acked={node: state.acked_seq for node, state in chains.states.items()},
            stored=len(new),
            duplicates=len(verified) - len(new) - len(forks),
            quarantined=len(refused) + len(forks),
        )

    def refuse(self, refused: Refused) -> None:
        """Quarantine something that is no message for the ledger."""
        with writing(self._engine) as connection:
            quarantine.put(connection, [refused])

    def set_online(self, node: str, online: bool, at: datetime) -> None:
        """Note whether a node is there; the time is kept of changes only."""
        self.set_all_online({node: (online, at)})

    def set_all_online(self, nodes: Mapping[str, tuple[bool, datetime]]) -> None:
        """Note of several nodes whether they are there, and since when."""
        rows = [
            {"node": node, "online": online, "changed_at": at}
            for node, (online, at) in nodes.items()
        ]
        if not rows:
            return
        with writing(self._engine) as connection:
            insert = upsert(connection, node_online)
            new = insert.excluded
            connection.execute(
                insert.on_conflict_do_update(
                    index_elements=["node"],
                    set_={"online": new.online, "changed_at": new.changed_at},
                    where=node_online.c.online != new.online,
                ),
                rows,
            )

    def set_cursor(self, output: str, position: int) -> None:
        """Note up to which position an output has got everything."""
        with writing(self._engine) as connection:
            insert = upsert(connection, output_cursor).values(output=output, position=position)
            connection.execute(
                insert.on_conflict_do_update(index_elements=["output"], set_={"position": position})
            )

    def rebuild(
        self, progress: Callable[[int, int], None] | None = None, *, page_size: int = _PAGE
    ) -> None:
        """Remake every projection from the messages.

        Parameters
        ----------
        progress : callable, optional
            Told after each page how many messages are done, and of how many.
        page_size : int
            Messages that are held in memory at once.
        """
        inventory = self.registry.inventory()
        with writing(self._engine) as connection:
            total = _next_position(connection) - 1
            for table in PROJECTIONS:
                connection.execute(table.delete())
            position = 0
            while page := _stored_after(connection, position, page_size):
                seqs = _seqs_by_node(page)
                chains = Chains(connection, seqs, before=page[0].position)
                for stored in page:
                    link = Link(stored.sha256, stored.message.prev)
                    chains.add(stored.message.node, stored.message.seq, link)
                chains.advance(page)
                project(connection, page, inventory)
                position = page[-1].position
                if progress:
                    progress(position, total)

    # --- reading

    def after(self, position: int, limit: int) -> list[StoredMessage]:
        """Messages behind `position`, at most `limit`, in the order in which they were stored."""
        query = _STORED_MESSAGE.where(message.c.position > position)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(message.c.position).limit(limit))
            return [StoredMessage(*row) for row in rows]

    def message(self, position: int) -> StoredMessage | None:
        """The message at `position`; None where there is none."""
        with reading(self._engine) as connection:
            rows = connection.execute(_STORED_MESSAGE.where(message.c.position == position))
            row = rows.one_or_none()
            return None if row is None else StoredMessage(*row)

    def messages(
        self, node: str, kind: str, start: datetime, end: datetime
    ) -> Iterator[StoredMessage]:
        """Messages whose content begins within [`start`, `end`), in that order.

        They are read page by page, so that no transaction stays open in between.
        """
        begin, position = message.c.start, message.c.position
        query = (
            _STORED_MESSAGE.add_columns(begin)
            .where(message.c.node == node, message.c.kind == kind, begin >= start, begin < end)
            .order_by(begin, position)
            .limit(_PAGE)
        )
        page = query
        while True:
            with reading(self._engine) as connection:
                rows = connection.execute(page).all()
            for row in rows:
                yield StoredMessage(*row[:-1])
            if len(rows) < _PAGE:
                return
            last = rows[-1]
            behind = or_(begin > last.start, and_(begin == last.start, position > last.position))
            page = query.where(begin >= last.start, behind)

    def levels(self, node: str, start: datetime, end: datetime) -> LevelSeries:
        """Levels of the intervals that begin within [`start`, `end`)."""
        batches = self.messages(node, "levels", start - _LONGEST_BATCH, end)
        return queries.level_series(node, (batch.message for batch in batches), start, end)

    def level_hours(
        self,
        *,
        site: str | None = None,
        node: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> list[LevelHour]:
        """Hours that begin within [`start`, `end`), in order of time."""
        with reading(self._engine) as connection:
            return queries.level_hours(connection, site, node, start, end)

    def events(
        self,
        *,
        site: str | None = None,
        node: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int = 100,
        before: int | None = None,
    ) -> list[EventRow]:
        """Events that began within [`start`, `end`), newest first.

        `before` is the position of an event: only those that follow it in the list are returned.
        """
        with reading(self._engine) as connection:
            return queries.events(connection, site, node, start, end, limit, before)

    def event(self, event_id: str) -> EventRow | None:
        """The event of that id; None where there is none."""
        with reading(self._engine) as connection:
            return queries.event_of(connection, event_id)

    def count_events(
        self,
        *,
        site: str | None = None,
        node: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> int:
        """How many events began within [`start`, `end`)."""
        with reading(self._engine) as connection:
            return queries.count_events(connection, site, node, start, end)

    def node_states(self) -> dict[str, NodeState]:
        """Where each node stands that ever sent something."""
        with reading(self._engine) as connection:
            return queries.node_states(connection)

    def acked_seqs(self, nodes: Iterable[str]) -> dict[str, int]:
        """Of each of `nodes`, the number up to which every message is there; 0: none is."""
        with reading(self._engine) as connection:
            return queries.acked_seqs(connection, list(nodes))

    def counts(self) -> Counts:
        """How much there is."""
        with reading(self._engine) as connection:
            return queries.counts(connection)

    def cursor(self, output: str) -> int:
        """Up to which position an output has got everything; 0: nothing yet."""
        query = select(output_cursor.c.position).where(output_cursor.c.output == output)
        with reading(self._engine) as connection:
            return connection.scalar(query) or 0

    def quarantined(self, limit: int = 100) -> list[Quarantined]:
        """What was refused, newest first."""
        with reading(self._engine) as connection:
            return quarantine.newest(connection, limit)

    def quarantined_item(self, number: int) -> Quarantined:
        """The refused thing of that id; :class:`LedgerError` where there is none."""
        with reading(self._engine) as connection:
            item = quarantine.get(connection, number)
        if item is None:
            raise LedgerError(f"there is no {number} in quarantine: list shows what there is")
        return item


def _next_position(connection: Connection) -> int:
    return (connection.scalar(select(func.max(message.c.position))) or 0) + 1


def _seqs_by_node(batch: Iterable[Verified | Stored]) -> dict[str, set[int]]:
    seqs: defaultdict[str, set[int]] = defaultdict(set)
    for item in batch:
        seqs[item.message.node].add(item.message.seq)
    return seqs


def _new(chains: Chains, verified: Iterable[Verified]) -> tuple[list[Verified], list[Refused]]:
    """Return what is not there yet, and what contradicts what is."""
    new: list[Verified] = []
    forks: list[Refused] = []
    for item in verified:
        node, seq = item.message.node, item.message.seq
        there = chains.link(node, seq)
        if there is None:
            chains.add(node, seq, Link(item.sha256, item.message.prev))
            new.append(item)
        elif there.sha256 != item.sha256:
            detail = f"message {seq} of {node} is {there.sha256} in the ledger"
            forks.append(Refused(item.received, "fork", detail))
    return new, forks


def _store(connection: Connection, new: Sequence[Verified], position: int) -> list[Stored]:
    if not new:
        return []
    rows = [
        {
            "position": number,
            "node": item.message.node,
            "seq": item.message.seq,
            "prev": item.message.prev,
            "sha256": item.sha256,
            "kind": item.message.kind,
            "time": item.message.time,
            "start": item.start,
            "received_at": item.received.received_at,
            "payload": item.received.payload,
            "signature": item.signature,
        }
        for number, item in enumerate(new, start=position)
    ]
    connection.execute(message.insert(), rows)
    return [
        Stored(number, item.message, item.sha256, item.received.received_at)
        for number, item in enumerate(new, start=position)
    ]


def _stored_after(connection: Connection, position: int, limit: int) -> list[Stored]:
    columns = (message.c.position, message.c.payload, message.c.sha256, message.c.received_at)
    query = select(*columns).where(message.c.position > position).order_by(message.c.position)
    rows = connection.execute(query.limit(limit))
    return [Stored(row[0], decode(row[1]), row[2], row[3]) for row in rows]
