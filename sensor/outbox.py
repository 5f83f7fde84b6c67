"""What the node has measured and the collector has not confirmed yet.

Each message is numbered, chained to the one before, signed and committed before anything else
happens to it. It waits until the collector's ``ack`` covers it, and is kept for a while longer: a
collector whose ledger was restored from a backup falls back, and gets it once more.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Annotated, Final, Self

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Meta

from sensor.contract import codec
from sensor.contract.messages import GENESIS, Message, placed
from sensor.contract.signature import payload_hash, sign
from sensor.errors import OutboxError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    payload BLOB NOT NULL,
    signature TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS chain (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    node TEXT NOT NULL,
    next_seq INTEGER NOT NULL,
    prev TEXT NOT NULL,
    acked_seq INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS ack (
    seq INTEGER PRIMARY KEY,
    at REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS stock (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    held_seq INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT;
CREATE TRIGGER IF NOT EXISTS message_comes AFTER INSERT ON message BEGIN
    UPDATE stock SET bytes = bytes + length(NEW.payload) + length(NEW.signature);
END;
CREATE TRIGGER IF NOT EXISTS message_goes AFTER DELETE ON message BEGIN
    UPDATE stock SET bytes = bytes - length(OLD.payload) - length(OLD.signature);
END;
"""
_STOCK_OF_WHAT_IS_THERE: Final = """
INSERT OR IGNORE INTO stock
SELECT 1, (SELECT acked_seq FROM chain), coalesce(sum(length(payload) + length(signature)), 0)
FROM message WHERE NOT EXISTS (SELECT 1 FROM stock)
"""
_DAY_S: Final = 86_400.0


class Retention(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long messages are kept that the collector has acknowledged.

    They are what a collector gets again whose ledger was restored from a backup, so `keep_days`
    (since the acknowledgement) should exceed the age of the oldest backup that may be needed.
    They go sooner, oldest first, when the whole outbox holds more than `max_bytes`, or when the
    disk is full. What is not acknowledged is never deleted.
    """

    keep_days: Annotated[float, Meta(ge=0, le=3650)] = 30.0
    max_bytes: Annotated[int, Meta(ge=0)] = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Pending:
    """A stored message on its way."""

    seq: int
    kind: str
    payload: bytes
    signature: str


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
        self._key = key
        self._retention = retention or Retention()
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, timeout=30, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise OutboxError(f"cannot open the outbox {path}: {error}") from error
        try:
            self._prepare()
        except BaseException:
            self._database.close()
            raise

    def _prepare(self) -> None:
        try:
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.executescript(_SCHEMA)
            with self._database:
                self._database.execute(
                    "INSERT OR IGNORE INTO chain VALUES (1, ?, 1, ?, 0)", (self.node, GENESIS)
                )
                self._database.execute(_STOCK_OF_WHAT_IS_THERE)
            (owner,) = self._database.execute("SELECT node FROM chain").fetchone()
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

    def append(self, message: Message) -> int:
        """Give `message` its place in the chain, sign and commit it; return its number."""
        return self.append_all([message])[-1]

    def append_all(self, messages: list[Message]) -> list[int]:
        """Append several in one transaction: all or none; return their numbers."""
        try:
            return self._append_all(messages)
        except OutboxError as error:
            if not (_disk_is_full(error) and self._forget_acknowledged()):
                raise
        return self._append_all(messages)

    def _append_all(self, messages: list[Message]) -> list[int]:
        with self._transaction() as database:
            first, prev = database.execute("SELECT next_seq, prev FROM chain").fetchone()
            for seq, message in enumerate(messages, start=first):
                payload = codec.encode(placed(message, seq, prev))
                prev = payload_hash(payload)
                database.execute(
                    "INSERT INTO message VALUES (?, ?, ?, ?)",
                    (seq, message.kind, payload, sign(payload, self._key)),
                )
            end = first + len(messages)
            database.execute("UPDATE chain SET next_seq = ?, prev = ?", (end, prev))
        return list(range(first, end))

    def pending(self, after: int = 0, limit: int = 100) -> list[Pending]:
        """The oldest messages that wait and are numbered over `after`, at most `limit`."""
        with self._reading() as database:
            rows = database.execute(
                "SELECT seq, kind, payload, signature FROM message "
                "WHERE seq > max(?, (SELECT held_seq FROM stock)) ORDER BY seq LIMIT ?",
                (after, limit),
            ).fetchall()
        return [Pending(*row) for row in rows]

    def acknowledged(self, seq: int) -> int:
        """Note that the collector holds every message up to `seq`, and none known beyond.

        Returns
        -------
        int
            How many more it holds than it did; less than zero when it has fallen back, so that
            what it misses waits again.  An acknowledgement beyond what was ever numbered is not
            ours and changes nothing.
        """
        with self._transaction() as database:
            next_seq, held = database.execute(
                "SELECT next_seq, held_seq FROM chain, stock"
            ).fetchone()
            if seq == held or seq >= next_seq:
                return 0
            now = time.time()
            database.execute("DELETE FROM ack WHERE seq > ?", (seq,))
            if seq > held:
                database.execute("INSERT OR IGNORE INTO ack VALUES (?, ?)", (seq, now))
            database.execute("UPDATE stock SET held_seq = ?", (seq,))
            database.execute("UPDATE chain SET acked_seq = max(acked_seq, ?)", (seq,))
            self._forget(
                database, self._outdated(database, now - self._retention.keep_days * _DAY_S)
            )
        return seq - int(held)

    def _outdated(self, database: sqlite3.Connection, before: float) -> int:
        """Up to which number what was acknowledged need not be kept any longer."""
        (by_time,) = database.execute(
            "SELECT coalesce(max(seq), 0) FROM ack WHERE at <= ?", (before,)
        ).fetchone()
        held, excess = database.execute(
            "SELECT held_seq, bytes - ? FROM stock", (self._retention.max_bytes,)
        ).fetchone()
        if excess <= 0:
            return int(by_time)
        sizes = database.execute(
            "SELECT seq, length(payload) + length(signature) FROM message "
            "WHERE seq <= ? ORDER BY seq",
            (held,),
        )
        by_size = 0
        for seq, size in sizes:
            if excess <= 0:
                break
            by_size, excess = seq, excess - size
        sizes.close()
        return max(int(by_time), by_size)

    @staticmethod
    def _forget(database: sqlite3.Connection, seq: int) -> int:
        database.execute("DELETE FROM ack WHERE seq <= ?", (seq,))
        return database.execute("DELETE FROM message WHERE seq <= ?", (seq,)).rowcount

    def _forget_acknowledged(self) -> bool:
        """Make room on a full disk; return whether there was something to give up."""
        with self._transaction() as database:
            (held,) = database.execute("SELECT held_seq FROM stock").fetchone()
            return self._forget(database, held) > 0

    def continue_from(self, next_seq: int, prev: str) -> None:
        """Continue a chain begun elsewhere; only a fresh outbox can."""
        with self._transaction() as database:
            changed = database.execute(
                "UPDATE chain SET next_seq = ?, prev = ?, acked_seq = ? WHERE next_seq = 1",
                (next_seq, prev, next_seq - 1),
            ).rowcount
            if changed:
                database.execute("UPDATE stock SET held_seq = ?", (next_seq - 1,))
        if not changed:
            raise OutboxError(f"the outbox {self.path} has a chain of its own already")

    @property
    def depth(self) -> int:
        """Number of messages that wait."""
        return self._number("SELECT count(*) FROM message WHERE seq > (SELECT held_seq FROM stock)")

    @property
    def last_seq(self) -> int:
        """Number of the newest message; 0 when there never was one."""
        return self._number("SELECT next_seq - 1 FROM chain")

    @property
    def oldest_seq(self) -> int:
        """Number of the oldest message that can still be sent; one over the newest: none can."""
        return self._number("SELECT coalesce((SELECT min(seq) FROM message), next_seq) FROM chain")

    @property
    def held_seq(self) -> int:
        """Up to where the collector holds everything, by its latest word."""
        return self._number("SELECT held_seq FROM stock")

    @property
    def acked_seq(self) -> int:
        """Up to where the collector has ever confirmed; 0 when it never has."""
        return self._number("SELECT acked_seq FROM chain")

    def _number(self, query: str) -> int:
        with self._reading() as database:
            return int(database.execute(query).fetchone()[0])

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._database
            except sqlite3.Error as error:
                raise OutboxError(f"cannot read the outbox {self.path}: {error}") from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                with self._database:
                    # IMMEDIATE: the number is read and used under one write lock.
                    self._database.execute("BEGIN IMMEDIATE")
                    yield self._database
            except sqlite3.Error as error:
                raise OutboxError(
                    f"cannot store in the outbox {self.path}: {error}; free space on its disk"
                ) from error

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _disk_is_full(error: OutboxError) -> bool:
    cause = error.__cause__
    return getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
