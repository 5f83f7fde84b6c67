"""What the node has measured and the collector has not confirmed yet.

Each message is numbered, chained to the one before, signed and committed before anything else
happens to it. A row leaves only when the collector's ``ack`` covers it.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

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
"""


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

    Raises
    ------
    OutboxError
        It cannot be opened, belongs to another node, or (while appending) the disk is full.
    """

    def __init__(self, path: Path, node: str, key: Ed25519PrivateKey) -> None:
        self.path = path
        self.node = node
        self._key = key
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
        """The oldest messages numbered over `after`, at most `limit`."""
        with self._reading() as database:
            rows = database.execute(
                "SELECT seq, kind, payload, signature FROM message WHERE seq > ? "
                "ORDER BY seq LIMIT ?",
                (after, limit),
            ).fetchall()
        return [Pending(*row) for row in rows]

    def acknowledged(self, seq: int) -> int:
        """Forget what the collector holds: every message up to `seq`; return how many went.

        An acknowledgement beyond what was ever numbered is not ours and changes nothing.
        """
        with self._transaction() as database:
            (next_seq,) = database.execute("SELECT next_seq FROM chain").fetchone()
            if seq >= next_seq:
                return 0
            gone = database.execute("DELETE FROM message WHERE seq <= ?", (seq,)).rowcount
            database.execute("UPDATE chain SET acked_seq = max(acked_seq, ?)", (seq,))
        return gone

    def continue_from(self, next_seq: int, prev: str) -> None:
        """Continue a chain begun elsewhere; only a fresh outbox can."""
        with self._transaction() as database:
            changed = database.execute(
                "UPDATE chain SET next_seq = ?, prev = ?, acked_seq = ? WHERE next_seq = 1",
                (next_seq, prev, next_seq - 1),
            ).rowcount
        if not changed:
            raise OutboxError(f"the outbox {self.path} has a chain of its own already")

    @property
    def depth(self) -> int:
        """Number of messages that wait."""
        with self._reading() as database:
            return int(database.execute("SELECT count(*) FROM message").fetchone()[0])

    @property
    def last_seq(self) -> int:
        """Number of the newest message; 0 when there never was one."""
        with self._reading() as database:
            return int(database.execute("SELECT next_seq - 1 FROM chain").fetchone()[0])

    @property
    def acked_seq(self) -> int:
        """Up to where the collector has confirmed; 0 when it never has."""
        with self._reading() as database:
            return int(database.execute("SELECT acked_seq FROM chain").fetchone()[0])

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
