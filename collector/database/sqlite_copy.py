"""A copy of an SQLite database while others read and write it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

from collector.errors import LedgerError

_PAGES_A_STEP: Final = 2000


def read_only(path: Path) -> sqlite3.Connection:
    """Return the database at `path`, which must be there, for reading."""
    return sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)


def copy_new(
    source: Path, destination: Path, progress: Callable[[int, int], None] | None = None
) -> None:
    """Copy the database at `source` to the new file `destination`, as it is at one moment.

    The file appears when it is whole and on the disk.

    Parameters
    ----------
    progress : callable, optional
        Told now and then how many pages are copied, and of how many.

    Raises
    ------
    LedgerError
        There is something at `destination`, or the copy failed.
    """
    if destination.exists():
        raise LedgerError(f"there is a file {destination} already: name another")
    unfinished = destination.with_name(f"{destination.name}.unfinished")
    try:
        unfinished.unlink(missing_ok=True)
        with closing(sqlite3.connect(unfinished)) as target:
            _copy(source, target, progress)
            # One file, without a log beside it that could be forgotten.
            target.execute("PRAGMA journal_mode = DELETE")
        _flush(unfinished)
        unfinished.rename(destination)
        _flush(destination.parent)
    except (OSError, sqlite3.Error) as error:
        unfinished.unlink(missing_ok=True)
        raise LedgerError(f"{source} cannot be copied to {destination}: {error}") from error


def copy_over(source: Path, destination: Path) -> None:
    """Put the content of the database at `source` in place of that at `destination`.

    It happens in one transaction: who uses `destination` sees the one or the other.

    Raises
    ------
    LedgerError
        The copy failed; `destination` is as it was.
    """
    try:
        with closing(sqlite3.connect(destination)) as target:
            target.execute("PRAGMA synchronous = FULL")
            _copy(source, target, None)
    except (OSError, sqlite3.Error) as error:
        raise LedgerError(f"{source} cannot be restored to {destination}: {error}") from error


def _copy(
    source: Path, target: sqlite3.Connection, progress: Callable[[int, int], None] | None
) -> None:
    def told(_status: int, remaining: int, total: int) -> None:
        if progress:
            progress(total - remaining, total)

    with closing(read_only(source)) as origin:
        # Within a transaction, what is written meanwhile does not make the copy begin again.
        origin.execute("BEGIN")
        origin.execute("SELECT count(*) FROM sqlite_master").fetchone()
        origin.backup(target, pages=_PAGES_A_STEP, progress=told)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
