"""The commands that keep a ledger in order, as people type them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from sqlalchemy import Engine, text
from typer.testing import CliRunner, Result

from collector.commands.backup import backup
from collector.commands.check import check
from collector.commands.migrate import migrate
from collector.commands.prune import prune
from collector.commands.quarantine_drop import quarantine_drop
from collector.commands.quarantine_retry import quarantine_retry
from collector.commands.rebuild import rebuild
from collector.commands.restore import restore
from collector.database.backup import sqlite_path
from collector.errors import LedgerError
from collector.ledger.ledger import Ledger
from collector.registry.registry import Registry
from sensor.contract.errors import SkolroError
from sensor.contract.messages import Message
from tests.collector.check.tampering import unguarded
from tests.collector.conftest import ONLY_SQLITE
from tests.peers import FakeNode, event, levels

START = datetime(2026, 1, 2, 7, 0, tzinfo=UTC)


@pytest.fixture
def config(tmp_path: Path, database_url: str) -> Path:
    """A configuration that keeps levels for 30 days."""
    path = tmp_path / "collector.toml"
    path.write_text(f'ledger = "{database_url}"\n[retention]\nlevels_days = 30\n')
    return path


@pytest.fixture
def node(ledger: Ledger, registry: Registry) -> FakeNode:
    """A node that sent four messages long ago."""
    made = FakeNode("ekskolan-1")
    made.register(registry, "ekskolan", START)
    level, loud = levels(made.name, START), event(made.name, START)
    drafts: list[Message] = [level, loud, level, level]
    ledger.append([made.signed(one, received_at=START) for one in drafts])
    return made


def run(command: Callable[..., None], *arguments: str | Path) -> Result:
    """Run a command as the command line does."""
    app = typer.Typer()
    app.command()(command)
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    if isinstance(result.exception, SkolroError):
        raise result.exception
    return result


def checked(config: Path) -> Any:
    """What the check says as JSON."""
    return json.loads(run(check, "--json", "--config", config).stdout)


def test_a_check_that_holds_ends_with_0(config: Path, node: FakeNode) -> None:
    result = run(check, "--config", config)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "ekskolan-1: 4 messages up to number 4, all holds.",
        "4 messages of 1 node: all holds.",
    ]
    assert checked(config)["holds"] is True


def test_a_check_that_does_not_hold_ends_with_1(
    config: Path, node: FakeNode, engine: Engine
) -> None:
    with unguarded(engine) as connection:
        connection.execute(text("DELETE FROM message WHERE seq = 2"))
        connection.execute(text("UPDATE message SET signature = 'x' WHERE seq = 3"))
    result = run(check, "--config", config)
    assert result.exit_code == 1
    for told in (
        "gaps: 1 message is missing: 2.",
        "message 3: not a detached JWS",
        "events: 1 listed otherwise",
        "1 message was removed",
    ):
        assert told in result.stdout
    assert "rebuild" not in result.stdout
    found = checked(config)
    assert (found["holds"], found["nodes"][0]["chain"]["gaps"]) == (False, [[2, 2]])


def test_a_rebuild_says_how_much_it_was(config: Path, node: FakeNode) -> None:
    assert "from 4 messages" in run(rebuild, "--config", config).stdout


def test_prune_follows_the_configuration(config: Path, node: FakeNode, ledger: Ledger) -> None:
    planned = run(prune, "--dry-run", "--config", config).stdout.splitlines()
    assert planned[0] == "levels: 2 messages older than 30 days would be pruned."
    assert planned[1] == "event: kept for ever."
    assert len(ledger.after(0, 10)) == 4
    assert "levels: 2 messages" in run(prune, "--config", config).stdout
    assert [stored.seq for stored in ledger.after(0, 10)] == [2, 4]
    assert "2 pruned, all holds." in run(check, "--config", config).stdout


def test_prune_waits_for_the_output_that_is_configured(
    config: Path, node: FakeNode, ledger: Ledger
) -> None:
    with config.open("a") as file:
        file.write('[influxdb]\nurl = "http://127.0.0.1:1"\n')
    assert "levels: 0 messages" in run(prune, "--config", config).stdout
    ledger.set_cursor("influxdb", 1)
    assert "levels: 1 message " in run(prune, "--config", config).stdout


@ONLY_SQLITE
def test_a_backup_is_made_and_restored(config: Path, node: FakeNode, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    assert str(copy) in run(backup, copy, "--config", config).stdout
    with pytest.raises(LedgerError, match="--replace"):
        run(restore, copy, "--config", config)
    assert "before is in" in run(restore, copy, "--replace", "--config", config).stdout
    assert checked(config)["messages"] == 4


@ONLY_SQLITE
def test_a_folder_keeps_the_newest_copies_and_whatever_else_is_in_it(
    config: Path, node: FakeNode, tmp_path: Path
) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    older = [folder / f"ledger-202501{day:02}T020000Z.sqlite" for day in range(1, 5)]
    other = folder / "ledger-of-mine.sqlite"
    for file in (*older, other):
        file.write_bytes(b"")
    said = run(backup, folder, "--keep", "3", "--config", config).stdout
    (made,) = set(folder.iterdir()) - {*older, other}
    assert str(made) in said
    assert {*folder.iterdir()} == {made, *older[-2:], other}
    assert f"{older[0]} was removed" in said
    run(restore, made, "--replace", "--config", config)
    with pytest.raises(LedgerError, match="--keep needs a folder"):
        run(backup, tmp_path / "one.sqlite", "--keep", "3", "--config", config)


def test_migrating_a_new_one_does_nothing(config: Path, node: FakeNode, database_url: str) -> None:
    assert "already" in run(migrate, "--config", config).stdout
    path = sqlite_path(database_url)
    assert path is None or not list(path.parent.glob("*.before"))


def test_the_quarantine_is_retried_and_emptied(config: Path, ledger: Ledger) -> None:
    stranger = FakeNode("askolan-9")
    ledger.append([stranger.signed(event(stranger.name, START)) for _ in range(3)])
    first, second, _ = ledger.quarantined_ids()
    said = run(quarantine_retry, str(first), "--config", config).stdout
    assert "unknown_node" in said
    assert "0 of 1 left" in said
    stranger.register(ledger.registry, "askolan", START)
    assert f"{second} stored" in run(quarantine_retry, str(second), "--config", config).stdout
    assert "2 of 2 left" in run(quarantine_retry, "--all", "--config", config).stdout
    ledger.append([FakeNode("x-1").signed(event("x-1", START))])
    assert "1 entry was" in run(quarantine_drop, "--all", "--config", config).stdout
    assert ledger.quarantined() == []


@pytest.mark.parametrize("arguments", [[], ["1", "--all"]])
def test_it_must_be_clear_what_is_meant(config: Path, ledger: Ledger, arguments: list[str]) -> None:
    for command in (quarantine_retry, quarantine_drop):
        with pytest.raises(LedgerError, match="or say --all"):
            run(command, *arguments, "--config", config)
