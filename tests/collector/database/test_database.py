"""The database is durable, opens for many at once, and its errors are sentences."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from collector.database.database import open_database, reading, writing
from collector.database.tables import METADATA, output_cursor
from collector.errors import LedgerError
from tests.collector.conftest import ONLY_SQLITE


@ONLY_SQLITE
def test_sqlite_is_durable(engine: Engine) -> None:
    with engine.connect() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    full = 2
    assert settings == {
        "journal_mode": "wal", "synchronous": full, "foreign_keys": 1, "busy_timeout": 10_000,
    }  # fmt: skip


def test_opening_again_finds_what_is_there(database_url: str, engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(output_cursor.insert().values(output="x", position=1))
    again = open_database(database_url)
    with reading(again) as connection:
        assert connection.execute(select(output_cursor)).all() == [("x", 1)]
    again.dispose()


def test_many_may_open_a_new_one_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.sqlite'}"
    start = threading.Barrier(8)

    def open_it(_: int) -> bool:
        start.wait(10)
        opened = open_database(url)
        found = inspect(opened).has_table("message")
        opened.dispose()
        return found

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(open_it, range(8)))


def test_an_error_within_takes_everything_back(engine: Engine) -> None:
    def write_twice() -> None:
        with writing(engine) as connection:
            connection.execute(output_cursor.insert().values(output="x", position=1))
            connection.execute(output_cursor.insert().values(output="x", position=2))

    with pytest.raises(LedgerError, match=r"(?i)unique"):
        write_twice()
    with reading(engine) as connection:
        assert connection.execute(select(output_cursor)).all() == []


def test_readers_do_not_wait_for_a_writer(engine: Engine) -> None:
    seen: list[object] = []

    def read() -> None:
        with reading(engine) as connection:
            seen.extend(connection.execute(select(output_cursor)).all())

    with writing(engine) as connection:
        connection.execute(output_cursor.insert().values(output="x", position=1))
        reader = threading.Thread(target=read)
        reader.start()
        reader.join(5)
        assert not reader.is_alive()
    assert seen == []


def test_writers_take_turns_from_their_first_read_on(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(output_cursor.insert().values(output="x", position=0))

    def count() -> None:
        for _ in range(25):
            with writing(engine) as connection:
                position = connection.scalar(select(output_cursor.c.position)) or 0
                connection.execute(output_cursor.update().values(position=position + 1))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(engine) as connection:
        assert connection.scalar(select(output_cursor.c.position)) == 100


@pytest.mark.parametrize(
    ("url", "explanation"),
    [
        ("sqlite://", "in memory keeps nothing"),
        ("nonsense", "is no URL of a ledger"),
        ("oracle9://x", "is no URL of a ledger"),
        ("sqlite:////nowhere/at/all/ledger.sqlite", "unable to open.*does its folder exist"),
    ],
)
def test_urls_that_cannot_be_opened(url: str, explanation: str) -> None:
    with pytest.raises(LedgerError, match=explanation):
        open_database(url)


def test_another_kind_of_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear ledger, " * 1000)
    with pytest.raises(LedgerError, match=r"not a database"):
        open_database(f"sqlite:///{path}")
    assert path.read_text() == "Dear ledger, " * 1000


def test_the_tables_can_be_made_on_postgresql_too() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy has no type here
    for table in METADATA.sorted_tables:
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=dialect))


@ONLY_SQLITE
def test_sqlite_sees_the_indexes(engine: Engine) -> None:
    plan = (
        "EXPLAIN QUERY PLAN SELECT position FROM message "
        "WHERE node = 'a' AND kind = 'levels' AND start >= 1 ORDER BY start, position LIMIT 5"
    )
    with engine.connect() as connection:
        told = " ".join(str(row) for row in connection.exec_driver_sql(plan))
    assert "message_node_kind_start" in told
    assert "TEMP B-TREE FOR ORDER BY" not in told
    assert "message" in inspect(engine).get_table_names()
    assert sqlite3.sqlite_version_info >= (3, 35)
