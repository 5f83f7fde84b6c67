"""Backup and restore of a ledger, while the collector runs or not."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.engine import URL, make_url

from collector.database import schema
from collector.database.database import explained
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
        It is not on SQLite, is not there, or cannot be copied.
    """
    path = _path(url, f"pg_dump --format=custom --file {destination}")
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
        The copy of what was there before.

    Raises
    ------
    LedgerError
        `source` is no whole ledger that this program knows, or must not or cannot replace what
        is there. That is as it was, then.
    """
    path = _path(url, f"pg_restore --clean --if-exists --dbname NAME {source}")
    _require_ledger(source)
    if not path.exists():
        copy_new(source, path)
        return None
    if not replace:
        raise LedgerError(f"there is a ledger {path} already: say --replace to put this in place")
    kept = path.with_name(f"{path.name}.{datetime.now(UTC):%Y%m%dT%H%M%SZ}.replaced")
    copy_new(path, kept)
    copy_over(source, path)
    return kept


def sqlite_path(url: str) -> Path | None:
    """Return the file of the ledger at `url`; None: it is on a server."""
    parsed = make_url(url)
    on_file = parsed.get_backend_name() == "sqlite" and parsed.database
    return Path(parsed.database or "") if on_file else None


def _path(url: str, command: str) -> Path:
    path = sqlite_path(url)
    if path is None:
        where = make_url(url).render_as_string(hide_password=True)
        raise LedgerError(f"the ledger {where} is on PostgreSQL, which has its own way: {command}")
    return path


def _require_ledger(path: Path) -> None:
    if not path.exists():
        raise LedgerError(f"there is no backup {path}: check the name")
    # Opened without a look at its journal mode, and for reading: a backup stays as it is.
    engine = create_engine(URL.create("sqlite"), creator=lambda: read_only(path))
    try:
        with explained(engine), engine.connect() as connection:
            found = schema.revision(connection)
    finally:
        engine.dispose()
    if found is None:
        raise LedgerError(f"{path} is a database, but no ledger: name a backup of one")
    schema.require_known(found)
    _require_whole(path)


def _require_whole(path: Path) -> None:
    try:
        with closing(read_only(path)) as connection:
            (told,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as error:
        raise LedgerError(f"{path} cannot be restored: {error}") from error
    if told != "ok":
        raise LedgerError(f"{path} cannot be restored, since it is damaged: {told}")
