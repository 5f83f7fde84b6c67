"""The one place that knows which database it is: opening, transactions, upserts, errors."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Engine, Table, create_engine, event, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from collector.database import schema
from collector.errors import LedgerError, UnstorableError

_BUSY_TIMEOUT_S: Final = 10.0
_WRITING: Final = "skolro_writing"
_PAGE_BYTES: Final = 8192
_PAGES_IN_LOG: Final = 2000
_CACHE_KB: Final = 32_768
_LOCK_KEY: Final = 0x736B6F6C726F
"""Of PostgreSQL's advisory lock that writers take: "skolro" in ASCII."""


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


# Each batch reads and writes the newest health of its nodes; the standard library is slow at that.
_JSON: Final[dict[str, Any]] = {
    "json_serializer": _json,
    "json_deserializer": msgspec.json.decode,
}


def open_database(url: str, *, busy_timeout_s: float = _BUSY_TIMEOUT_S) -> Engine:
    """Return the database at `url`, its tables made where there are none.

    Tables of an older version are left as they are, since a collector of that version may be
    using them: :func:`collector.ledger.upgrade.upgrade_database` is for those.

    Parameters
    ----------
    url : str
        ``sqlite:///PATH`` or ``postgresql://USER:PASSWORD@HOST/NAME``.
    busy_timeout_s : float
        How long a writer waits for another one.

    Raises
    ------
    LedgerError
        It cannot be opened, or its tables are of another version.
    """
    engine = connect(url, busy_timeout_s=busy_timeout_s)
    try:
        with reading(engine) as connection:
            found = schema.revision(connection)
        if found is None:
            found = _create(engine)
        schema.require_head(found)
    except LedgerError:
        engine.dispose()
        raise
    return engine


def connect(url: str, *, busy_timeout_s: float = _BUSY_TIMEOUT_S) -> Engine:
    """Return the database at `url` with whatever tables it has; see :func:`open_database`."""
    engine = _engine(url, busy_timeout_s)
    try:
        with explained(engine):
            if engine.dialect.name == "sqlite":
                _use_wal(engine, busy_timeout_s)
    except LedgerError:
        engine.dispose()
        raise
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes: one at a time, in all processes.

    That order is what makes a ledger's positions appear one after the other to its readers.
    """
    with explained(engine), engine.connect() as bare:
        connection = bare.execution_options(**{_WRITING: True})
        with connection.begin():
            if connection.dialect.name == "postgresql":
                connection.execute(select(func.pg_advisory_xact_lock(_LOCK_KEY)))
            yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that reads; on SQLite it neither waits for a writer nor holds one up."""
    with explained(engine), engine.connect() as connection:
        yield connection


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A transaction that reads, however long, what was there when it first read something."""
    with explained(engine), engine.connect() as bare:
        if bare.dialect.name == "postgresql":
            bare.execution_options(isolation_level="REPEATABLE READ")
        yield bare


@contextmanager
def explained(engine: Engine) -> Iterator[None]:
    """Turn the database's errors within into a :class:`LedgerError` of one sentence."""
    where = engine.url.render_as_string(hide_password=True)
    try:
        yield
    except (DataError, OverflowError) as error:
        raise UnstorableError(f"the ledger {where} cannot hold it: {_sentence(error)}") from error
    except (DBAPIError, PoolTimeoutError, sqlite3.Error) as error:
        raise LedgerError(f"the ledger {where} cannot be used: {_sentence(error)}") from error


def upsert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an insert into `table` that can be told what to do on a conflict."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def insert_tuples(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows that are in the order of the table's columns, and as the database keeps them.

    SQLAlchemy takes as long to prepare many rows as SQLite takes to store them.
    """
    connection.exec_driver_sql(_insertion(table, connection.dialect.name), list(rows))


@cache
def _insertion(table: Table, database: str) -> str:
    dialects = {"sqlite": (sqlite, "qmark"), "postgresql": (postgresql, "format")}
    module, style = dialects[database]
    return str(table.insert().compile(dialect=module.dialect(paramstyle=style)))


def _create(engine: Engine) -> str:
    with writing(engine) as connection:
        # Another process may have been faster.
        if (found := schema.revision(connection)) is None:
            schema.create(connection)
            return schema.HEAD
        return found


def _engine(url: str, busy_timeout_s: float) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return _sqlite_engine(parsed, busy_timeout_s)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        options = f"-c lock_timeout={round(busy_timeout_s * 1000)}"
        return create_engine(parsed, pool_pre_ping=True, connect_args={"options": options}, **_JSON)
    except (ArgumentError, NoSuchModuleError) as error:
        raise LedgerError(
            f"{url!r} is no URL of a ledger: write sqlite:///PATH or postgresql://HOST/NAME"
        ) from error
    except ModuleNotFoundError as error:
        raise LedgerError(
            f"a ledger on PostgreSQL needs {error.name}: pip install {error.name}"
        ) from error


def _sqlite_engine(url: URL, busy_timeout_s: float) -> Engine:
    if not url.database or url.database == ":memory:":
        raise LedgerError("a ledger in memory keeps nothing: write sqlite:///PATH")
    engine = create_engine(url, connect_args={"timeout": busy_timeout_s}, **_JSON)

    @event.listens_for(engine, "connect")
    def _settings(connection: sqlite3.Connection, _record: object) -> None:
        # None: we say BEGIN ourselves, since sqlite3 by itself would never lock before reading.
        connection.isolation_level = None
        # Of a new file only: a message fits into one page then.
        connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        # Under load, pages that many batches change are written back to the file less often.
        connection.execute(f"PRAGMA wal_autocheckpoint = {_PAGES_IN_LOG}")
        connection.execute(f"PRAGMA cache_size = {-_CACHE_KB}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get(_WRITING, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def _use_wal(engine: Engine, busy_timeout_s: float) -> None:
    # SQLite does not wait for its lock when it changes the journal mode, so we do.
    deadline = time.monotonic() + busy_timeout_s
    while True:
        connection = engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA journal_mode = WAL")
        except sqlite3.Error as error:
            if time.monotonic() > deadline or "locked" not in str(error):
                raise LedgerError(
                    f"the ledger {engine.url} cannot be opened: {_hint(str(error))}"
                ) from error
            time.sleep(0.05)
        else:
            return
        finally:
            connection.close()


def _sentence(error: Exception) -> str:
    original = error.orig if isinstance(error, DBAPIError) else error
    return _hint(" ".join(str(original).split()))


def _hint(text: str) -> str:
    for sign, hint in _HINTS.items():
        if sign in text:
            return f"{text}: {hint}"
    return text


_HELD_LONG: Final = "another program is writing to it for long: end that one, or wait"
_HINTS: Final = {
    "locked": _HELD_LONG,
    "lock timeout": _HELD_LONG,
    "is full": "make room on its disk",
    "unable to open": "does its folder exist, and may it be written to?",
    "readonly": "give this user the right to write to it and its folder",
    "not a database": "it is another kind of file, or damaged: name another or restore a backup",
    "malformed": "it is damaged: restore a backup",
}
