"""The access log on both databases: entries are added, read, kept for their time, and removed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from collector.access_log import AccessEntry, AccessLog
from collector.commands.access_log import access_log
from collector.database.database import writing
from collector.errors import AnalysisError, LedgerError
from tests.collector.commands.test_commands import run

KEEP = timedelta(days=30)


@pytest.fixture
def log(engine: Engine) -> AccessLog:
    """Nobody has looked yet."""
    return AccessLog(engine, KEEP)


def entry(at: datetime, account: str | None = "anna", subject: str = "/") -> AccessEntry:
    """Somebody looked."""
    return AccessEntry(
        at=at, account=account, role="police", action="view", subject=subject, status=200,
        address="192.0.2.1",
    )  # fmt: skip


def test_nobody_changes_or_removes_an_entry_before_its_time(engine: Engine, log: AccessLog) -> None:
    now = datetime.now(UTC)
    old, new = entry(now - KEEP - timedelta(minutes=1)), entry(now)
    log.add([old, new])
    refused = (
        "DELETE FROM access_log", "UPDATE access_log SET account = 'bo'",
        "UPDATE access_log SET keep_until = 0",
        "DELETE FROM access_log WHERE account = 'anna'",
    )  # fmt: skip
    for statement in refused:
        with pytest.raises(LedgerError, match="append-only"), writing(engine) as connection:
            connection.execute(text(statement))
    assert log.newest() == [new, old]
    assert log.remove_old() == 1
    assert log.newest() == [new]


def test_what_is_asked_of_it(log: AccessLog) -> None:
    now = datetime.now(UTC)
    entries = [entry(now - timedelta(hours=hours)) for hours in (3, 2, 1)]
    log.add(entries)
    assert log.newest(limit=2) == [entries[2], entries[1]]
    assert log.newest(account="bo") == []
    assert log.newest(start=entries[1].at, end=entries[2].at) == [entries[1]]


def test_the_command_lists_it_in_local_time(
    tmp_path: Path, database_url: str, log: AccessLog
) -> None:
    path = tmp_path / "collector.toml"
    path.write_text(f'ledger = "{database_url}"\n')
    there = ("--config", path)
    assert "Nothing stands in the access log" in run(access_log, *there)
    winter = datetime(2026, 1, 22, 19, 30, tzinfo=UTC)
    log.add([entry(winter), entry(winter + timedelta(hours=1), None, "/site/\x1b[31mred")])
    listed = run(access_log, *there)
    assert "2026-01-22 20:30:00" in listed
    assert "\\x1b[31mred" in listed
    of_anna = json.loads(run(access_log, "--account", "Anna", "--json", *there))
    assert [(one["at"], one["account"], one["subject"]) for one in of_anna] == [
        ("2026-01-22T19:30:00Z", "anna", "/")
    ]
    later = run(access_log, "--from", "2026-01-22T21:00", "--json", *there)
    assert len(json.loads(later)) == 1
    with pytest.raises(AnalysisError, match="--from 'yesterday' is no time"):
        run(access_log, "--from", "yesterday", *there)
