"""A ledger of an older version, made one of this version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, func, select

from collector.database import schema
from collector.database.backup import sqlite_path
from collector.database.database import connect, open_database, reading, writing
from collector.database.sqlite_copy import copy_new
from collector.database.tables import message, node_hour
from collector.ledger import rollups
from collector.ledger.node_hours import project_hours
from sensor.contract.codec import decode

_PAGE = 500
_HAS_NODE_HOURS = "0015"


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
        _fill_node_hours(connection, before)
    return Upgrade(before, schema.HEAD, kept)


def _fill_node_hours(connection: Connection, before: str) -> None:
    """Make the hours of nodes from what is kept; what was pruned earlier has no part in them."""
    if before >= _HAS_NODE_HOURS:
        return
    query = select(message.c.position, message.c.payload, message.c.received_at).where(
        message.c.kind.in_(["health", "levels"]), func.length(message.c.payload) > 0
    )
    position = 0
    while rows := connection.execute(
        query.where(message.c.position > position).order_by(message.c.position).limit(_PAGE)
    ).all():
        told = ((decode(row.payload), row.received_at) for row in rows)
        project_hours(connection, told, node_hour)
        position = rows[-1].position
