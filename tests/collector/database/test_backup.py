"""A backup is whole however busy the ledger is, and a restore brings it back."""

from __future__ import annotations

import os
import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from collector.database.backup import back_up, restore
from collector.database.database import open_database
from collector.errors import LedgerError
from collector.ledger.ledger import Ledger, Received
from collector.registry.registry import Registry, Site
from tests.peers import FakeNode, levels
from tests.postgres import Cluster, programs

START = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """SQLite, unless a test says otherwise."""
    return f"sqlite:///{tmp_path / 'ledger.sqlite'}"


@pytest.fixture
def node(registry: Registry) -> FakeNode:
    """A registered node."""
    made = FakeNode("ekskolan-1")
    made.register(registry, "ekskolan", START)
    return made


def minutes(node: FakeNode, count: int) -> list[Received]:
    """Batches of levels, one a minute."""
    return [node.signed(levels(node.name, START + timedelta(minutes=i))) for i in range(count)]


def held(url: str) -> int:
    """How many messages a ledger holds, all of which must hold."""
    engine = open_database(url)
    ledger = Ledger(engine, Registry(engine))
    assert ledger.check().holds
    count = ledger.counts().messages
    engine.dispose()
    return count


def test_a_backup_is_one_whole_file(
    ledger: Ledger, node: FakeNode, database_url: str, tmp_path: Path
) -> None:
    ledger.append(minutes(node, 30))
    copy = tmp_path / "backups" / "one.sqlite"
    copy.parent.mkdir()
    seen: list[tuple[int, int]] = []
    back_up(database_url, copy, lambda done, total: seen.append((done, total)))
    assert [path.name for path in copy.parent.iterdir()] == ["one.sqlite"]
    assert seen[-1][0] == seen[-1][1] > 0
    ledger.append(minutes(node, 5))
    assert held(f"sqlite:///{copy}") == 30


def test_a_busy_ledger_can_be_copied(
    ledger: Ledger, node: FakeNode, database_url: str, tmp_path: Path
) -> None:
    ledger.append(minutes(node, 400))
    begun, enough = threading.Event(), threading.Event()

    def write() -> None:
        while not enough.is_set():
            ledger.append(minutes(node, 1))
            begun.set()

    writer = threading.Thread(target=write)
    writer.start()
    assert begun.wait(10)
    copies = [tmp_path / f"{i}.sqlite" for i in range(3)]
    for copy in copies:
        back_up(database_url, copy)
    enough.set()
    writer.join()
    counts = [held(f"sqlite:///{copy}") for copy in copies]
    assert counts == sorted(counts)
    assert counts[0] > 400
    assert counts[-1] <= held(database_url)


def test_a_collector_that_runs_goes_on_with_what_was_restored(
    ledger: Ledger, node: FakeNode, database_url: str, tmp_path: Path
) -> None:
    first, second = minutes(node, 20), minutes(node, 10)
    ledger.append(first)
    copy = tmp_path / "copy.sqlite"
    back_up(database_url, copy)
    ledger.append(second)
    kept = restore(database_url, copy, replace=True)
    # The node hears that the collector is no farther, and sends again.
    assert ledger.acked_seqs([node.name]) == {node.name: 20}
    assert ledger.append(second).acked == {node.name: 30}
    assert held(database_url) == 30
    assert kept is not None
    assert held(f"sqlite:///{kept}") == 30
    assert held(f"sqlite:///{copy}") == 20


def test_a_lost_ledger_comes_back(
    ledger: Ledger, node: FakeNode, database_url: str, tmp_path: Path
) -> None:
    ledger.append(minutes(node, 20))
    copy = tmp_path / "copy.sqlite"
    back_up(database_url, copy)
    elsewhere = f"sqlite:///{tmp_path / 'elsewhere.sqlite'}"
    assert restore(elsewhere, copy) is None
    assert held(elsewhere) == 20


def test_nothing_is_overwritten_unasked(ledger: Ledger, database_url: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    back_up(database_url, copy)
    with pytest.raises(LedgerError, match="already"):
        back_up(database_url, copy)
    with pytest.raises(LedgerError, match="say --replace"):
        restore(database_url, copy)


def test_what_is_no_whole_ledger_is_not_restored(
    ledger: Ledger, node: FakeNode, database_url: str, tmp_path: Path
) -> None:
    ledger.append(minutes(node, 20))
    letter, other, damaged = (tmp_path / name for name in ("letter", "other", "damaged"))
    letter.write_text("Dear ledger, " * 1000)
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    back_up(database_url, damaged)
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    damaged.write_bytes(content)
    for source, told in (
        (tmp_path / "missing", "there is no backup"),
        (letter, "not a database"),
        (other, "no ledger"),
        (damaged, "damaged|malformed"),
    ):
        with pytest.raises(LedgerError, match=told):
            restore(database_url, source, replace=True)
    assert held(database_url) == 20


def test_a_folder_that_is_not_there_is_one_sentence(
    ledger: Ledger, database_url: str, tmp_path: Path
) -> None:
    with pytest.raises(LedgerError, match=r"cannot be copied"):
        back_up(database_url, tmp_path / "nowhere" / "copy.sqlite")
    with pytest.raises(LedgerError, match=r"there is no ledger"):
        back_up(f"sqlite:///{tmp_path / 'none.sqlite'}", tmp_path / "copy.sqlite")


def test_on_postgresql_too_it_is_what_it_was(
    postgresql: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{programs()}:{os.environ['PATH']}")
    url = postgresql.new_database()
    engine = open_database(url)
    registry = Registry(engine)
    registry.add_site(Site(id="ekskolan", name="Ekskolan"))
    node = FakeNode("ekskolan-1")
    node.register(registry, "ekskolan", START)
    ledger = Ledger(engine, registry)
    ledger.append(minutes(node, 30))
    copy = tmp_path / "one.dump"
    back_up(url, copy)
    ledger.append(minutes(node, 5))
    with pytest.raises(LedgerError, match="say --replace"):
        restore(url, copy)
    engine.dispose()
    kept = restore(url, copy, replace=True)
    assert held(url) == 30
    assert kept is not None
    restore(url, kept, replace=True)
    assert held(url) == 35
    with pytest.raises(LedgerError, match="already: name another"):
        back_up(url, copy)
    restore(postgresql.new_database(), copy)
    assert held(url) == 30
    # The ledger is guarded as before.
    engine = open_database(url)
    with pytest.raises(DBAPIError, match="append"), engine.begin() as connection:
        connection.execute(text("DELETE FROM message"))
    engine.dispose()


def test_what_is_no_dump_of_a_ledger_changes_nothing_on_postgresql(
    postgresql: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{programs()}:{os.environ['PATH']}")
    url = postgresql.new_database()
    open_database(url).dispose()
    (tmp_path / "noise").write_bytes(b"noise")
    with pytest.raises(LedgerError, match="valid archive"):
        restore(url, tmp_path / "noise", replace=True)
    with pytest.raises(LedgerError, match="there is no backup"):
        restore(url, tmp_path / "nothing", replace=True)
    assert held(url) == 0


def test_without_the_tools_of_postgresql_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    url = "postgresql://skolro:secret@db/skolro"
    with pytest.raises(LedgerError, match="install postgresql-client") as told:
        back_up(url, tmp_path / "copy")
    assert "secret" not in str(told.value)
