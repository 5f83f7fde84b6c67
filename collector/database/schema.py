"""Which version the tables of a database have, and how they get the newest.

A new database is made from :mod:`collector.database.tables` at once; an older one takes the
revisions in ``migrations`` one after the other. Both ways end in the same tables.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, select

from collector.database import append_only
from collector.database.tables import METADATA, message, schema_version
from collector.errors import LedgerError

REVISIONS: Final = (
    "0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010",
    "0011", "0012", "0013", "0014", "0015", "0016", "0017", "0018", "0019", "0020",
)  # fmt: skip
"""All revisions in their order; the last one is what this program works with."""

HEAD: Final = REVISIONS[-1]

_MIGRATIONS: Final = Path(__file__).parent / "migrations"


def revision(connection: Connection) -> str | None:
    """Return the revision of the tables; None: there are none yet."""
    there = inspect(connection)
    if there.has_table(schema_version.name):
        found = connection.scalar(select(schema_version.c.version_num))
        if found is not None:
            return str(found)
    # The first version did not write down which it was.
    return REVISIONS[0] if there.has_table(message.name) else None


def require_head(found: str) -> None:
    """Return if this program can work with tables of that revision.

    Raises
    ------
    LedgerError
        They are older, or newer than this program.
    """
    if found == HEAD:
        return
    require_known(found)
    raise LedgerError(
        f"the ledger is of version {found} and this program needs {HEAD}: stop what uses it and "
        "run skolro collector migrate"
    )


def require_known(found: str) -> None:
    """Return if this program knows that revision, or how to make it the newest.

    Raises
    ------
    LedgerError
        It is of a newer program.
    """
    if found not in REVISIONS:
        raise LedgerError(
            f"the ledger is of version {found}, which this program does not know: "
            "use the newer program that made it"
        )


def create(connection: Connection) -> None:
    """Make the tables and triggers in an empty database, within a transaction that writes."""
    METADATA.create_all(connection)
    connection.execute(schema_version.insert().values(version_num=HEAD))
    append_only.install(connection)


def upgrade(connection: Connection, target: str = HEAD) -> str | None:
    """Take the tables to revision `target`, and return of which they were.

    All of it happens in the transaction of `connection`: a failure leaves everything as it was.

    Raises
    ------
    LedgerError
        The tables are newer than this program.
    """
    # Alembic takes long to import, and is needed once in a version's life.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    before = revision(connection)
    if before is not None:
        require_known(before)
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    if before == REVISIONS[0]:
        command.stamp(config, before)
    command.upgrade(config, target)
    if target == HEAD:
        append_only.install(connection)
    return before
