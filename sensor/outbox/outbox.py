"""What the node has measured and the collector has not confirmed yet.

Each message is numbered, chained to the one before, signed and committed before anything else
happens to it. It waits until the collector's ``ack`` covers it, and is kept for a while longer: a
collector whose ledger was restored from a backup falls back, and gets it once more. What the
outbox can no longer hold it gives up in the order of :mod:`sensor.outbox.room`, and says so in the
chain.
"""

from __future__ import annotations

import logging
import math
import sqlite3
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Annotated, Final, Self

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Meta

from sensor.clock import boot_time
from sensor.contract import codec
from sensor.contract.messages import (
    Absence,
    KeyChange,
    LevelBatch,
    Message,
    draft,
    placed,
)
from sensor.contract.signature import payload_hash, public_key_text
from sensor.errors import OutboxError
from sensor.outbox import absence, room, waiting
from sensor.outbox.file import OutboxFile, is_full
from sensor.outbox.reserve import Reserve
from sensor.outbox.tables import prepare
from sensor.outbox.thinning import can_be_thinned
from sensor.outbox.waiting import Pending
from sensor.signer import Signer

log = logging.getLogger(__name__)

_DAY_S: Final = 86_400.0
_CLOCK_WAS_SET: Final = 1_735_689_600.0
"""2025-01-01: a clock that shows an earlier time has not been set since the node was started."""

_OLDEST: Final = """
SELECT payload FROM message WHERE seq > (SELECT held_seq FROM stock) ORDER BY seq LIMIT 1
"""
_OFFERED_AHEAD: Final = 100
"""How many numbers are noted as sent at once, so that not each message costs a commit."""


MOST_BEFORE_A_KEY: Final = 500
"""Messages that may wait when the key is changed."""


class Retention(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long messages are kept, and what goes when there is too much.

    What the collector has acknowledged is what it gets again if its ledger is restored from a
    backup, so `keep_days` (since the acknowledgement) should exceed the age of the oldest backup
    that may be needed. It goes sooner, oldest first, when the whole outbox holds more than
    `max_bytes`, or when the disk is full. If that is not enough, the oldest levels that wait are
    thinned to minute values; nothing else that waits is ever given up. The default holds three
    months without a network unthinned, see docs/outbox.md. `reserve_bytes` of the disk are held
    back, as room to tidy in when it is full.
    """

    keep_days: Annotated[float, Meta(ge=0, le=3650)] = 30.0
    max_bytes: Annotated[int, Meta(ge=0)] = 256 * 1024 * 1024
    reserve_bytes: Annotated[int, Meta(ge=0)] = 4 * 1024 * 1024


class Outbox:
    """Durable queue of signed messages in SQLite (WAL, synchronous FULL).

    Safe to use from several threads.

    Parameters
    ----------
    path : Path
        The database; its folder is made when missing.
    node : str
        Id of the node; an outbox belongs to one node for its life.
    key : Ed25519PrivateKey
        Signs what is appended.
    retention : Retention
        How long what was acknowledged is kept.

    Raises
    ------
    OutboxError
        It cannot be opened, belongs to another node, or (while appending) the disk is full.
    """

    def __init__(
        self, path: Path, node: str, key: Ed25519PrivateKey, retention: Retention | None = None
    ) -> None:
        self.path = path
        self.node = node
        self._signer = Signer(key, path.parent)
        self._retention = retention or Retention()
        self._reserve = Reserve(path.with_suffix(".reserve"), self._retention.reserve_bytes)
        self._file = OutboxFile(path)
        try:
            self._prepare()
        except BaseException:
            self._file.close()
            raise

    def _prepare(self) -> None:
        try:
            owner, signer = self._prepared()
        except sqlite3.Error as error:
            raise OutboxError(
                f"cannot use the outbox {self.path}: {error}; free space on its disk or move "
                "data_dir"
            ) from error
        if owner != self.node:
            raise OutboxError(
                f"the outbox {self.path} belongs to node {owner}: give {self.node} a data_dir of "
                "its own"
            )
        if not self._signer.find(signer):
            # The key was replaced by hand, while nobody ran.
            with self._file.transaction() as database:
                database.execute("UPDATE signer SET public_key = ?", (self._signer.public_key,))
        self._take_up_reserve()

    def _take_up_reserve(self) -> None:
        self._is_tight = not self._reserve.take_up()

    def _prepared(self) -> tuple[str, str]:
        with self._file.bare() as database:
            try:
                return prepare(database, self.node, self._signer.public_key)
            except sqlite3.Error as error:
                if not (is_full(error) and self._reserve.give_up()):
                    raise
                return prepare(database, self.node, self._signer.public_key)

    def append(self, message: Message) -> int:
        """Give `message` its place in the chain, sign and commit it; return its number."""
        return self.append_all([message])[-1]

    def append_all(self, messages: Sequence[Message]) -> list[int]:
        """Append several in one transaction: all or none; return their numbers.

        On a full disk, and beyond what the outbox may hold, something else makes room for them.
        """
        while True:
            try:
                with self._file.transaction() as database:
                    seqs = self._place(database, messages)
            except OutboxError as error:
                if not (is_full(error.__cause__) and self._make_room()):
                    raise
                continue
            self._keep_within_bounds()
            return seqs

    def _place(self, database: sqlite3.Connection, messages: Sequence[Message]) -> list[int]:
        first, prev, signer = database.execute(
            "SELECT next_seq, prev, public_key FROM chain, signer"
        ).fetchone()
        self._signer.follow(signer)
        for seq, message in enumerate(messages, start=first):
            final = placed(message, seq, prev)
            payload = codec.encode(final)
            prev = payload_hash(payload)
            turn = final.absent[0].first if isinstance(final, Absence) else seq
            whole = not (isinstance(final, LevelBatch) and can_be_thinned(final))
            database.execute(
                "INSERT INTO message (seq, kind, payload, signature, turn, whole) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (seq, final.kind, payload, self._signer.sign(payload), turn, whole),
            )
            if isinstance(final, Absence):
                database.executemany(
                    "INSERT INTO absent VALUES (?, ?, ?)",
                    [(part.first, part.last, seq) for part in final.absent],
                )
        end = first + len(messages)
        database.execute("UPDATE chain SET next_seq = ?, prev = ?", (end, prev))
        return list(range(first, end))

    def rotate(self, new: Ed25519PrivateKey) -> int:
        """Announce `new`, signed with the key so far; what follows is signed with it.

        Returns
        -------
        int
            Number of the message that announces it.

        Raises
        ------
        OutboxError
            So much waits that the collector should have it first.
        """
        text = public_key_text(new.public_key())
        if self.depth > MOST_BEFORE_A_KEY:
            raise OutboxError(
                f"{self.depth} messages wait in the outbox {self.path}: let the collector get "
                "them before the key is changed"
            )
        with self._file.transaction() as database:
            flags = absence.flags_now(database)
            change = KeyChange(**draft(self.node), public_key=text, flags=flags)
            (seq,) = self._place(database, [change])
            database.execute("UPDATE signer SET public_key = ?", (text,))
        self._signer.use(new)
        return seq

    def _make_room(self) -> bool:
        """Make room on a full disk; return whether there was something to give up."""
        given_up = self._reserve.give_up()
        self._is_tight = True
        return self._tidy() > 0 or given_up

    def _keep_within_bounds(self) -> None:
        most = self._retention.max_bytes
        with self._file.reading() as database:
            is_over = room.bytes_over(database, most) > 0
            # On a full disk the file must not have to grow: then nothing could be tidied.
            is_short = self._is_tight and room.is_short_of_pages(database)
        try:
            if is_over:
                self._cut_down(most)
            elif is_short:
                self._tidy()
        except OutboxError as error:
            # What was to be stored is: no reason to fail whoever measures.
            log.error("the outbox is beyond its bound: %s", error)

    def _tidy(self) -> int:
        with self._file.transaction() as database:
            freed = room.forget_acknowledged(database) or self._thin(database)
        if freed:
            log.warning("the disk is full: %d messages made room in %s", freed, self.path)
        return freed

    def _cut_down(self, most: int) -> None:
        thinned = 0
        with self._file.transaction() as database:
            room.forget(database, room.outdated(database, -math.inf, most))
            while room.bytes_over(database, most) > 0 and (count := self._thin(database)):
                thinned += count
        if thinned:
            log.warning(
                "the outbox %s is at its bound: %d messages of levels became minute values",
                self.path,
                thinned,
            )

    def _thin(self, database: sqlite3.Connection) -> int:
        return room.thin(database, self.node, partial(self._place, database))

    def pending(self, after: int = 0, limit: int = 100) -> list[Pending]:
        """The messages that wait and whose turn is over `after`, at most `limit`, by turn."""
        with self._file.reading() as database:
            return waiting.pending(database, after, limit)

    def needed_first(self) -> list[Pending]:
        """What the collector needs next although its turn seemed to be over.

        That is so where somebody accepted at the collector that part of what was missing is lost.
        """
        with self._file.reading() as database:
            return waiting.needed_first(database)

    def between(self, first: int, last: int, limit: int = 100) -> list[Pending]:
        """The messages numbered from `first` to `last` that are here, at most `limit`."""
        with self._file.reading() as database:
            return waiting.between(database, first, last, limit)

    def on_their_way(self, turn: int) -> int:
        """How many messages wait whose turn is over or was not later than `turn`."""
        with self._file.reading() as database:
            return waiting.on_their_way(database, turn)

    def note_offered(self, turn: int) -> None:
        """Note, before it happens, that what is up to `turn` may leave the node."""
        with self._file.reading() as database:
            (offered,) = database.execute("SELECT offered_seq FROM stock").fetchone()
        if turn > offered:
            with self._file.transaction() as database:
                database.execute("UPDATE stock SET offered_seq = ?", (turn + _OFFERED_AHEAD,))

    def tell_lost(self, first: int, last: int) -> int:
        """Say in the chain which numbers from `first` to `last` are here no more.

        What is here, and what was told before and waits, is left out.

        Returns
        -------
        int
            How many numbers were told.
        """
        with self._file.transaction() as database:
            return absence.tell_lost(
                database, self.node, first, last, partial(self._place, database)
            )

    def acknowledged(self, seq: int) -> int:
        """Note that the collector holds every message up to `seq`, and none known beyond.

        Returns
        -------
        int
            How many more it holds than it did; less than zero when it has fallen back, so that
            what it misses waits again.  An acknowledgement beyond what was ever numbered is not
            ours and changes nothing.
        """
        with self._file.transaction() as database:
            next_seq, held = database.execute(
                "SELECT next_seq, held_seq FROM chain, stock"
            ).fetchone()
            if seq == held or seq >= next_seq:
                return 0
            now = time.time()
            database.execute("DELETE FROM ack WHERE seq > ?", (seq,))
            # Before the clock is set no day can be counted: the next ack covers this one.
            if seq > held and now > _CLOCK_WAS_SET:
                database.execute("INSERT OR IGNORE INTO ack VALUES (?, ?)", (seq, now))
            database.execute("UPDATE stock SET held_seq = ?", (seq,))
            database.execute("UPDATE chain SET acked_seq = max(acked_seq, ?)", (seq,))
            before = now - self._retention.keep_days * _DAY_S
            outdated = room.outdated(database, before, self._retention.max_bytes)
            room.forget(database, outdated)
        self._take_up_reserve()
        return seq - int(held)

    def continue_from(self, next_seq: int, prev: str) -> None:
        """Continue a chain begun elsewhere; only a fresh outbox can."""
        with self._file.transaction() as database:
            changed = database.execute(
                "UPDATE chain SET next_seq = ?, prev = ?, acked_seq = ? WHERE next_seq = 1",
                (next_seq, prev, next_seq - 1),
            ).rowcount
            if changed:
                database.execute(
                    "UPDATE stock SET held_seq = ?1, offered_seq = ?1", (next_seq - 1,)
                )
        if not changed:
            raise OutboxError(f"the outbox {self.path} has a chain of its own already")

    def continue_after(self, highest_seq: int, head_sha256: str) -> bool:
        """Go on after the newest message that the collector has, if this outbox has forgotten it.

        A node whose disk was replaced begins with an empty outbox, and what it numbers would
        contradict what it sent in its earlier life. So what waits is numbered anew.

        Returns
        -------
        bool
            Whether that was necessary.
        """
        with self._file.transaction() as database:
            return absence.continue_after(
                database, highest_seq, head_sha256, partial(self._place, database)
            )

    @property
    def public_key(self) -> str:
        """The public half of the key that signs."""
        return self._signer.public_key

    @property
    def depth(self) -> int:
        """Number of messages that wait."""
        return self._file.number(
            "SELECT count(*) FROM message WHERE seq > (SELECT held_seq FROM stock)"
        )

    @property
    def oldest_s(self) -> float | None:
        """Age in seconds of the oldest message that waits; None: none does."""
        with self._file.reading() as database:
            row = database.execute(_OLDEST).fetchone()
        return None if row is None else _age_s(codec.decode(row[0]))

    @property
    def last_seq(self) -> int:
        """Number of the newest message; 0 when there never was one."""
        return self._file.number("SELECT next_seq - 1 FROM chain")

    @property
    def oldest_seq(self) -> int:
        """Number of the oldest message that can still be sent; one over the newest: none can."""
        return self._file.number(
            "SELECT coalesce((SELECT min(seq) FROM message), next_seq) FROM chain"
        )

    @property
    def held_seq(self) -> int:
        """Up to where the collector holds everything, by its latest word."""
        return self._file.number("SELECT held_seq FROM stock")

    @property
    def acked_seq(self) -> int:
        """Up to where the collector has ever confirmed; 0 when it never has."""
        return self._file.number("SELECT acked_seq FROM chain")

    def close(self) -> None:
        """Close the database."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _age_s(message: Message) -> float:
    # The wall clock may have been set since, the other one only begins anew with each start.
    now = boot_time()
    if message.boot and now and message.boot.id == now.id:
        return round(max(0.0, now.s - message.boot.s), 1)
    return round(max(0.0, (datetime.now(UTC) - message.time).total_seconds()), 1)
