"""A ledger of an older version, made one of this version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from collector.database import schema
from collector.database.backup import sqlite_path
from collector.database.database import connect, open_database, reading, writing
from collector.database.sqlite_copy import copy_new
from collector.ledger import rollups


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What was done.

    Attributes
    ----------
    before, after : str
        The versions of the tables.
    backup : Path, optional
        The copy of the ledger as it was.
    """

    before: str
    after: str
    backup: Path | None = None


def upgrade_database(url: str, *, backup: bool = True) -> Upgrade:
    """Give the ledger at `url` the tables of this version; a missing one is made.

    All happens in one transaction, so a failure leaves the ledger as it was.

    Parameters
    ----------
    backup : bool
        Whether an SQLite ledger that must be changed is copied first, to a file beside it.

    Raises
    ------
    LedgerError
        It is newer than this program, cannot be written, or there is no room for the copy.
    """
    engine = connect(url)
    try:
        with reading(engine) as connection:
            before = schema.revision(connection)
        if before in {None, schema.HEAD}:
            open_database(url).dispose()
            return Upgrade(schema.HEAD, schema.HEAD)
        return _upgraded(engine, sqlite_path(url) if backup else None)
    finally:
        engine.dispose()


def _upgraded(engine: Engine, path: Path | None) -> Upgrade:
    kept = None
    if path is not None:
        kept = path.with_name(f"{path.name}.{datetime.now(UTC):%Y%m%dT%H%M%SZ}.before")
        copy_new(path, kept)
    with writing(engine) as connection:
        # Another process may have been faster.
        before = schema.upgrade(connection) or schema.HEAD
        # What older versions did not keep follows from what they did.
        rollups.refill(connection)
    return Upgrade(before, schema.HEAD, kept)
