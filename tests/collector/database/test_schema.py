"""A ledger of an older version keeps all it holds when it becomes one of this version."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, MetaData, create_engine, inspect, select, text

from collector.database import schema
from collector.database.backup import sqlite_path
from collector.database.database import connect, open_database, reading, writing
from collector.database.tables import METADATA, episode, output_rejected, schema_version
from collector.errors import LedgerError
from collector.ledger.ledger import Ledger
from collector.ledger.upgrade import upgrade_database
from collector.outputs import OutputRejects, RejectedLine
from collector.registry.registry import Registry
from tests.collector.conftest import ONLY_SQLITE
from tests.peers import FakeNode, event
from tests.sensor.contract.samples import TIME

# Written by the last version that had no versions: two nodes, six messages of each, a refused one.
LONG_AGO, NEVER = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
GOLDEN = Path(__file__).parents[2] / "golden" / "ledger" / "revision_1.sql"


@pytest.fixture
def older(database_url: str, tmp_path: Path) -> str:
    """The URL of a ledger as the first version left it."""
    path = sqlite_path(database_url)
    if path is not None:
        _load(path)
        return database_url
    _load(tmp_path / "golden.sqlite")
    source = create_engine(f"sqlite:///{tmp_path / 'golden.sqlite'}")
    target = connect(database_url)
    with writing(target) as connection:
        schema.upgrade(connection, "0001")
        _copy(source, connection)
        connection.execute(text("DROP TABLE alembic_version"))
    source.dispose()
    target.dispose()
    return database_url


def _load(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(GOLDEN.read_text(encoding="utf-8"))
    connection.close()


def _copy(source: Engine, target: Connection) -> None:
    there, same = MetaData(), MetaData()
    there.reflect(source)
    same.reflect(target)
    with source.connect() as connection:
        for table in there.sorted_tables:
            rows = connection.execute(select(table)).mappings().all()
            if rows:
                target.execute(same.tables[table.name].insert(), [dict(row) for row in rows])


@pytest.fixture
def upgraded(older: str) -> Iterator[Engine]:
    """That ledger, of this version now."""
    done = upgrade_database(older)
    assert (done.before, done.after) == ("0001", schema.HEAD)
    engine = open_database(older)
    yield engine
    engine.dispose()


def test_all_that_was_there_is_there_and_holds(upgraded: Engine) -> None:
    registry = Registry(upgraded)
    ledger = Ledger(upgraded, registry)
    assert ledger.check().holds
    assert ledger.acked_seqs(["a-1", "a-2"]) == {"a-1": 6, "a-2": 6}
    assert (ledger.counts().messages, ledger.counts().quarantined) == (12, 2)
    assert (ledger.count_events(), len(ledger.level_hours())) == (4, 4)
    assert (ledger.cursor("influxdb"), ledger.node_states()["a-1"].online) == (7, True)
    assert registry.site_of("a-1") is not None
    assert registry.speed_limits("ekskolan")[0].kmh == 30.0
    reports = ledger.told_hours(LONG_AGO, NEVER)
    assert {one.node for one in reports} == {"a-1", "a-2"}
    before = ledger.events()
    ledger.rebuild()
    assert ledger.events() == before
    assert ledger.told_hours(LONG_AGO, NEVER) == reports


def test_messages_are_guarded_afterwards(upgraded: Engine) -> None:
    with pytest.raises(LedgerError, match="append-only"), writing(upgraded) as connection:
        connection.execute(text("DELETE FROM message"))


def test_both_ways_end_in_the_same_tables(upgraded: Engine) -> None:
    with reading(upgraded) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
    every = METADATA.tables.values()
    assert _indexes(upgraded) == {
        (table.name, index.name) for table in every for index in table.indexes
    }


def test_lines_that_an_older_collector_saw_refused_are_kept(older: str) -> None:
    engine = connect(older)
    with writing(engine) as connection:
        # It made the table when it first forwarded something.
        output_rejected.create(connection)
    rejects = OutputRejects(engine)
    rejects.put("influxdb", [RejectedLine("a line", "a reason")])
    upgrade_database(older, backup=False)
    (kept,) = rejects.newest("influxdb")
    assert (kept.line, kept.reason, kept.count) == ("a line", "a reason", 1)
    engine.dispose()


def _indexes(engine: Engine) -> set[tuple[str, str | None]]:
    there = inspect(engine)
    return {
        (table, index["name"])
        for table in there.get_table_names()
        for index in there.get_indexes(table)
        if not index.get("duplicates_constraint")
    }


def test_the_revisions_are_those_there_are() -> None:
    script = ScriptDirectory(str(Path(schema.__file__).parent / "migrations"))
    there = tuple(revision.revision for revision in script.walk_revisions())
    assert there[::-1] == schema.REVISIONS


def test_an_older_one_is_left_alone_until_somebody_says_so(older: str) -> None:
    with pytest.raises(LedgerError, match="run skolro collector migrate"):
        open_database(older)
    engine = connect(older)
    assert not inspect(engine).has_table("pruning")
    engine.dispose()


@ONLY_SQLITE
def test_a_copy_of_what_was_there_is_kept(older: str) -> None:
    copy = upgrade_database(older).backup
    assert copy is not None
    with pytest.raises(LedgerError, match="0001"):
        open_database(f"sqlite:///{copy}")


def test_again_does_nothing(upgraded: Engine, older: str) -> None:
    done = upgrade_database(older)
    assert (done.before, done.backup) == (schema.HEAD, None)


def test_a_new_one_needs_no_revisions(database_url: str) -> None:
    assert upgrade_database(database_url).after == schema.HEAD
    engine = open_database(database_url)
    with reading(engine) as connection:
        assert connection.scalar(select(schema_version.c.version_num)) == schema.HEAD
    engine.dispose()


def test_a_newer_one_is_refused(database_url: str) -> None:
    engine = open_database(database_url)
    with writing(engine) as connection:
        connection.execute(schema_version.update().values(version_num="9999"))
    engine.dispose()
    for way in (open_database, upgrade_database):
        with pytest.raises(LedgerError, match=r"9999.*use the newer program"):
            way(database_url)


def test_a_failure_leaves_everything_as_it_was(older: str) -> None:
    engine = connect(older)
    with writing(engine) as connection:
        # In the way of the last table that the revision makes.
        connection.execute(text("CREATE TABLE node_anomaly (x INTEGER)"))
    with pytest.raises(LedgerError, match="node_anomaly"):
        upgrade_database(older, backup=False)
    assert not inspect(engine).has_table("pruning")
    assert not inspect(engine).has_table("alembic_version")
    engine.dispose()


def test_episodes_are_counted_anew_by_the_rules_of_now(
    engine: Engine, ledger: Ledger, database_url: str
) -> None:
    node = FakeNode()
    node.register(ledger.registry, "ekskolan", TIME)
    close = [timedelta(seconds=at + 90 * lap) for at in (0, 600) for lap in range(5)]
    ledger.append([node.signed(event(node.name, TIME + after)) for after in close])
    before = _episodes(engine)
    assert [one["passes"] for one in before] == [5, 5]
    with writing(engine) as connection:
        # As an older version had them, which did not tell them apart.
        connection.execute(episode.delete())
        whole = {**before[0], "end": before[1]["end"], "passes": 10}
        connection.execute(episode.insert().values(whole))
        connection.execute(schema_version.update().values(version_num="0019"))
    assert upgrade_database(database_url).before == "0019"
    assert _episodes(engine) == before
    assert ledger.check().holds


def _episodes(engine: Engine) -> list[dict[str, Any]]:
    with reading(engine) as connection:
        rows = connection.execute(select(episode).order_by(episode.c.start)).mappings()
        return [dict(row) for row in rows]
