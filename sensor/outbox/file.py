"""The outbox's file: an SQLite database that one node owns, and how it is read and written."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sensor.errors import OutboxError


class OutboxFile:
    """The database at `path` (WAL, synchronous FULL); safe to use from several threads.

    Raises
    ------
    OutboxError
        Its folder cannot be made, or it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, timeout=30, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise OutboxError(f"cannot open the outbox {path}: {error}") from error

    @contextmanager
    def bare(self) -> Iterator[sqlite3.Connection]:
        """The database as it is, its errors too: for whoever prepares it."""
        with self._lock:
            yield self._database

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The database, to read what is committed."""
        with self._lock:
            try:
                yield self._database
            except sqlite3.Error as error:
                raise OutboxError(f"cannot read the outbox {self.path}: {error}") from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The database in a transaction that is committed at the end, or undone as a whole."""
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

    def number(self, query: str) -> int:
        """The one number that a query returns."""
        with self.reading() as database:
            return int(database.execute(query).fetchone()[0])

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()


def is_full(error: BaseException | None) -> bool:
    """Whether the database says that there is no room on the disk."""
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
