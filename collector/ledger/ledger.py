"""The ledger: every message that a node made, once, for good.

Everything else on the server reads from here and can be remade from it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine, and_, func, or_, select

from collector.analysis.episodes import Episode, Heard
from collector.check.check import LedgerCheck, check
from collector.check.single import MessageCheck, check_message
from collector.database.database import reading, snapshot, upsert, writing
from collector.database.tables import message, node_online, output_cursor
from collector.errors import LedgerError, UnstorableError
from collector.ledger import (
    appending,
    measures,
    node_queries,
    pattern_queries,
    quarantine,
    queries,
)
from collector.ledger.absence import AcceptedGap, accepted_gaps, gaps
from collector.ledger.accepting import accept_gap
from collector.ledger.key_changes import between_changes, topics_of
from collector.ledger.node_queries import BackgroundHour, MeasuredHour, ToldHour
from collector.ledger.pattern_queries import SiteDays
from collector.ledger.prune import Pruning, prunable, prune
from collector.ledger.quarantine import Quarantined
from collector.ledger.rebuild import rebuild
from collector.ledger.records import (
    AppendResult,
    Counts,
    EventRow,
    LevelHour,
    LevelSeries,
    NodeHour,
    NodeState,
    StoredMessage,
    TouchedHour,
    together,
)
from collector.ledger.retry import Retried, retry
from collector.ledger.verification import Received, Refused, Verified, examine
from collector.registry.registry import Registry
from sensor.contract.codec import KINDS
from sensor.contract.messages import Ack

__all__ = ["AppendResult", "Counts", "EventRow", "Ledger", "LedgerCheck", "LevelHour",
           "LevelSeries", "MessageCheck", "NodeHour", "NodeState", "Quarantined", "Received",
           "Retried", "StoredMessage"]  # fmt: skip

_LONGEST_BATCH: Final = timedelta(hours=1)
_PAGE: Final = 500
_HAS_PAYLOAD: Final = func.length(message.c.payload) > 0
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
        appending again does no harm. Where a node changes its key, another transaction begins.
        """
        results = [self._append_what_fits(part) for part in between_changes(batch)]
        return results[0] if len(results) == 1 else together(results)

    def _append_what_fits(self, batch: Sequence[Received]) -> AppendResult:
        # One message that the database cannot hold must not hold up all that come after it.
        try:
            return self._append(batch)
        except UnstorableError as error:
            if len(batch) == 1:
                self.refuse(Refused(batch[0], "unstorable", str(error)))
                return AppendResult(acked={}, stored=0, duplicates=0, quarantined=1)
        middle = len(batch) // 2
        return together(
            [self._append_what_fits(batch[:middle]), self._append_what_fits(batch[middle:])]
        )

    def _append(self, batch: Sequence[Received]) -> AppendResult:
        inventory = self.registry.inventory()
        examined = [examine(received, inventory) for received in batch]
        verified = [item for item in examined if isinstance(item, Verified)]
        refused = [item for item in examined if isinstance(item, Refused)]
        with writing(self._engine) as connection:
            appended = appending.append(connection, inventory, verified)
            appending.note_anomalies(connection, appended)
            refused += appended.refused
            quarantine.put(connection, refused)
        for node in appended.rekeyed:
            self._retry_unknown_key(node)
        return AppendResult(
            acked=appended.acked,
            missing=appended.missing,
            stored=len(appended.stored),
            duplicates=len(appended.duplicates),
            quarantined=len(refused),
        )

    def _retry_unknown_key(self, node: str) -> None:
        # With several collectors a message may overtake the one that announces its key.
        with reading(self._engine) as connection:
            topics = topics_of(node, KINDS)
            numbers = quarantine.ids(connection, reason="unknown_key", topics=topics)
        self.retry_quarantined(numbers)

    def accept_gap(self, node: str, first: int, last: int, reason: str) -> int:
        """Wait no longer for the messages of `node` numbered from `first` to `last`; for good.

        What comes in after all is stored as always.

        Returns
        -------
        int
            Up to which number the node's messages are now there, or not waited for.

        Raises
        ------
        LedgerError
            Not all of them are missing, or no reason is given; nothing was changed then.
        """
        with writing(self._engine) as connection:
            return accept_gap(connection, node, (first, last), reason)

    def gaps(self, node: str) -> list[tuple[int, int]]:
        """The stretches of numbers of `node` that are waited for."""
        with reading(self._engine) as connection:
            standing = queries.standings(connection, [node])[node]
            return gaps(connection, node, standing.seq, standing.highest_seq or 0)

    def accepted_gaps(self) -> list[AcceptedGap]:
        """The gaps that were accepted, in the order in which they were."""
        with reading(self._engine) as connection:
            return accepted_gaps(connection)

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
        """Remake every projection from the messages; nothing can be stored meanwhile.

        Parameters
        ----------
        progress : callable, optional
            Told after each page how many messages are done, and of how many.
        page_size : int
            Messages that are held in memory at once.
        """
        inventory = self.registry.inventory()
        with writing(self._engine) as connection:
            rebuild(connection, inventory, progress, page_size)

    def check(self, progress: Callable[[int, int], None] | None = None) -> LedgerCheck:
        """Verify all that is there, and change nothing; what is appended meanwhile waits its turn.

        `progress` is told now and then how many messages are done, and of how many.
        """
        inventory = self.registry.inventory()
        with snapshot(self._engine) as connection:
            return check(connection, inventory, progress)

    def check_message(self, position: int) -> MessageCheck | None:
        """Verify the message at `position` against its node's key; None where there is none."""
        inventory = self.registry.inventory()
        with reading(self._engine) as connection:
            return check_message(connection, inventory, position)

    def prune(
        self,
        kind: str,
        received_before: datetime,
        *,
        outputs: Collection[str] = (),
        progress: Callable[[int], None] | None = None,
    ) -> int:
        """Empty the messages of a kind that came in before a time; see :mod:`.prune`.

        Parameters
        ----------
        outputs : collection of str
            Names of outputs; what one of them has not got yet stays.
        progress : callable, optional
            Told after each page how many messages it emptied.

        Returns
        -------
        int
            How many were emptied.
        """
        inventory = self.registry.inventory()
        pruning = Pruning(kind, received_before, frozenset(outputs))
        return prune(self._engine, inventory, pruning, progress)

    def prunable(self, kind: str, received_before: datetime, outputs: Collection[str] = ()) -> int:
        """How many messages :meth:`prune` would empty."""
        with reading(self._engine) as connection:
            return prunable(connection, Pruning(kind, received_before, frozenset(outputs)))

    def retry_quarantined(self, numbers: Iterable[int]) -> list[Retried]:
        """Examine what was refused again, by its ids; what is a message now is stored and leaves.

        Raises
        ------
        LedgerError
            One of the ids is not there; nothing was changed then.
        """
        inventory = self.registry.inventory()
        with writing(self._engine) as connection:
            return [
                retry(connection, inventory, _quarantined(connection, number)) for number in numbers
            ]

    def drop_quarantined(self, numbers: Iterable[int]) -> None:
        """Remove what was refused, by its ids; :class:`LedgerError` if one is not there."""
        with writing(self._engine) as connection:
            for number in numbers:
                quarantine.remove(connection, _quarantined(connection, number).id)

    # --- reading

    def after(self, position: int, limit: int) -> list[StoredMessage]:
        """Messages behind `position`, at most `limit`, in the order in which they were stored.

        Pruned ones are left out, here and in :meth:`messages`.
        """
        query = _STORED_MESSAGE.where(message.c.position > position, _HAS_PAYLOAD)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(message.c.position).limit(limit))
            return [StoredMessage(*row) for row in rows]

    def message(self, position: int) -> StoredMessage | None:
        """The message at `position`; None where there is none."""
        with reading(self._engine) as connection:
            rows = connection.execute(_STORED_MESSAGE.where(message.c.position == position))
            row = rows.one_or_none()
            return None if row is None else StoredMessage(*row)

    def newest(
        self, node: str, kind: str, *, before: datetime | None = None
    ) -> StoredMessage | None:
        """The message of that kind whose content begins last, `before` a time if one is given."""
        query = _STORED_MESSAGE.where(message.c.node == node, message.c.kind == kind, _HAS_PAYLOAD)
        if before is not None:
            query = query.where(message.c.start < before)
        order = (message.c.start.desc(), message.c.position.desc())
        with reading(self._engine) as connection:
            row = connection.execute(query.order_by(*order).limit(1)).one_or_none()
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
            .where(_HAS_PAYLOAD)
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

    def node_hours(
        self, node: str, start: datetime, end: datetime, *, simulated: bool = False
    ) -> list[NodeHour]:
        """How a node did in the hours that begin within [`start`, `end`), in order of time."""
        with reading(self._engine) as connection:
            return node_queries.node_hours(connection, node, start, end, simulated)

    def measured_hours(
        self, start: datetime, end: datetime, *, node: str | None = None
    ) -> list[MeasuredHour]:
        """How much each node measured in the hours that begin within [`start`, `end`)."""
        with reading(self._engine) as connection:
            return node_queries.measured_hours(connection, start, end, node)

    def told_hours(
        self, start: datetime, end: datetime, *, node: str | None = None
    ) -> list[ToldHour]:
        """How often each node reported in the hours that begin within [`start`, `end`)."""
        with reading(self._engine) as connection:
            return node_queries.told_hours(connection, start, end, node)

    def background_hours(
        self,
        nodes: Sequence[str],
        start: datetime,
        end: datetime,
        *,
        hours_utc: Collection[int] = range(24),
        simulated: bool = False,
    ) -> list[BackgroundHour]:
        """The background of nodes in the hours that begin within [`start`, `end`).

        `hours_utc` are the hours of the day, in UTC, that are wanted.
        """
        with reading(self._engine) as connection:
            return node_queries.background_hours(
                connection, nodes, start, end, hours_utc, simulated
            )

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

    def site_days(
        self,
        *,
        site: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        simulated: bool = False,
    ) -> list[SiteDays]:
        """Days that touch [`start`, `end`), with what was measured and happened by the hour."""
        with reading(self._engine) as connection:
            return pattern_queries.site_days(connection, site, start, end, simulated)

    def episodes(
        self,
        *,
        site: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        simulated: bool = False,
    ) -> list[tuple[str, Episode]]:
        """Episodes that began within [`start`, `end`), each with its site, in order of time."""
        with reading(self._engine) as connection:
            return pattern_queries.site_episodes(connection, site, start, end, simulated)

    def heard(
        self, site: str, start: datetime, end: datetime, *, simulated: bool = False
    ) -> list[Heard]:
        """What the nodes of a site heard within [`start`, `end`), as it came in."""
        with reading(self._engine) as connection:
            return pattern_queries.heard(connection, site, start, end, simulated)

    def has_measured(self, site: str | None = None) -> bool:
        """Whether anything there was measured, rather than simulated."""
        with reading(self._engine) as connection:
            return pattern_queries.has_measured(connection, site)

    def origins(self) -> list[bool]:
        """Whether there is anything that was measured (False), and that was simulated (True)."""
        with reading(self._engine) as connection:
            return pattern_queries.origins(connection)

    def node_states(self) -> dict[str, NodeState]:
        """Where each node stands that ever sent something."""
        with reading(self._engine) as connection:
            return queries.node_states(connection)

    def acked_seqs(self, nodes: Iterable[str]) -> dict[str, int]:
        """Of each of `nodes`, the number up to which every message is there; 0: none is."""
        with reading(self._engine) as connection:
            return queries.acked_seqs(connection, list(nodes))

    def standings(self, nodes: Iterable[str]) -> dict[str, Ack]:
        """What each of `nodes` must hear that has just come online."""
        with reading(self._engine) as connection:
            return queries.standings(connection, list(nodes))

    def counts(self) -> Counts:
        """How much there is."""
        with reading(self._engine) as connection:
            return queries.counts(connection)

    def head(self) -> int:
        """Position of the newest message; 0: there is none."""
        with reading(self._engine) as connection:
            return measures.head(connection)

    def touched(self, after: int, upto: int) -> list[TouchedHour]:
        """In which hours events and levels begin that stand at (`after`, `upto`]."""
        chosen = message.c.position > after, message.c.position <= upto
        with reading(self._engine) as connection:
            return measures.touched(connection, *chosen)

    def touched_between(self, start: datetime, end: datetime) -> list[TouchedHour]:
        """In which hours events and levels begin within [`start`, `end`)."""
        chosen = message.c.start >= start, message.c.start < end
        with reading(self._engine) as connection:
            return measures.touched(connection, *chosen)

    def refusals(self) -> dict[str, int]:
        """How often something was refused, by reason, but for what people dropped."""
        with reading(self._engine) as connection:
            return measures.quarantined(connection)

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
            return _quarantined(connection, number)

    def quarantined_ids(self) -> list[int]:
        """The ids of all that is in quarantine, oldest first."""
        with reading(self._engine) as connection:
            return quarantine.ids(connection)


def _quarantined(connection: Connection, number: int) -> Quarantined:
    item = quarantine.get(connection, number)
    if item is None:
        raise LedgerError(f"there is no {number} in quarantine: list shows what there is")
    return item
