"""Backup and restore of a ledger, while the collector runs or not."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.engine import URL, make_url

from collector.database import postgresql_copy, schema
from collector.database.database import connect, explained, reading
from collector.database.sqlite_copy import copy_new, copy_over, read_only
from collector.errors import LedgerError


def back_up(
    url: str, destination: Path, progress: Callable[[int, int], None] | None = None
) -> None:
    """Copy the ledger at `url`, as it is at one moment, to the new file `destination`.

    Parameters
    ----------
    progress : callable, optional
        Told now and then how many pages are copied, and of how many.

    Raises
    ------
    LedgerError
        It is not there, or cannot be copied.
    """
    path = sqlite_path(url)
    if path is None:
        postgresql_copy.dump(make_url(url), destination)
        return
    if not path.exists():
        raise LedgerError(f"there is no ledger {path} to copy: is the configuration the right one?")
    copy_new(path, destination, progress)


def restore(url: str, source: Path, *, replace: bool = False) -> Path | None:
    """Make the ledger at `url` what it was when the backup `source` was made.

    Nodes then send again what came in since, as far as they still have it.

    Parameters
    ----------
    replace : bool
        Whether a ledger that is there may be replaced; a copy of it stays beside it.

    Returns
    -------
    Path or None
        The copy of what was there before: beside the ledger, or on PostgreSQL beside the backup.

    Raises
    ------
    LedgerError
        `source` is no whole ledger that this program knows, or must not or cannot replace what
        is there. That is as it was, then.
    """
    if not source.exists():
        raise LedgerError(f"there is no backup {source}: check the name")
    path = sqlite_path(url)
    if path is None:
        return _restore_postgresql(url, source, replace=replace)
    _require_ledger(source)
    if not path.exists():
        copy_new(source, path)
        return None
    if not replace:
        raise LedgerError(f"there is a ledger {path} already: say --replace to put this in place")
    kept = _beside(path)
    copy_new(path, kept)
    copy_over(source, path)
    return kept


def _restore_postgresql(url: str, source: Path, *, replace: bool) -> Path | None:
    _require_known(source, postgresql_copy.revision_in(source))
    engine = connect(url)
    try:
        with reading(engine) as connection:
            is_there = schema.revision(connection) is not None
    finally:
        engine.dispose()
    if is_there and not replace:
        raise LedgerError("there is a ledger already: say --replace to put this in place")
    kept = _beside(source) if is_there else None
    if kept is not None:
        postgresql_copy.dump(make_url(url), kept)
    postgresql_copy.load(make_url(url), source)
    return kept


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.{datetime.now(UTC):%Y%m%dT%H%M%SZ}.replaced")


def sqlite_path(url: str) -> Path | None:
    """Return the file of the ledger at `url`; None: it is on a server."""
    parsed = make_url(url)
    on_file = parsed.get_backend_name() == "sqlite" and parsed.database
    return Path(parsed.database or "") if on_file else None


def _require_known(path: Path, found: str | None) -> None:
    if found is None:
        raise LedgerError(f"{path} is a database, but no ledger: name a backup of one")
    schema.require_known(found)


def _require_ledger(path: Path) -> None:
    # Opened without a look at its journal mode, and for reading: a backup stays as it is.
    engine = create_engine(URL.create("sqlite"), creator=lambda: read_only(path))
    try:
        with explained(engine), engine.connect() as connection:
            found = schema.revision(connection)
    finally:
        engine.dispose()
    _require_known(path, found)
    _require_whole(path)


def _require_whole(path: Path) -> None:
    try:
        with closing(read_only(path)) as connection:
            (told,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as error:
        raise LedgerError(f"{path} cannot be restored: {error}") from error
    if told != "ok":
        raise LedgerError(f"{path} cannot be restored, since it is damaged: {told}")
