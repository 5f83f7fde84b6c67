"""Retention removes what messages told, and nothing of the proof that they were there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from collector.database.backup import sqlite_path
from collector.database.database import reading
from collector.database.tables import message, pruning
from collector.errors import LedgerError
from collector.ledger.ledger import Ledger, Received
from collector.registry.registry import Registry
from tests.collector.conftest import ONLY_SQLITE
from tests.peers import FakeNode, event, health, levels

START = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)
DAY = timedelta(days=1)
NEVER = START + 1000 * DAY


@pytest.fixture
def node(registry: Registry) -> FakeNode:
    """A registered node."""
    made = FakeNode("ekskolan-1")
    made.register(registry, "ekskolan", START)
    return made


def days(node: FakeNode, count: int) -> list[Received]:
    """A day's messages are levels, an event and health, received when they were made."""
    received: list[Received] = []
    for i in range(count):
        at = START + i * DAY
        made = (
            levels(node.name, at, 50.0 + i % 7, interval_s=60, flags=("simulated",)),
            event(node.name, at + timedelta(minutes=5)),
            health(node.name, at + timedelta(minutes=6), outbox_depth=i),
        )
        received += [node.signed(one, received_at=at + timedelta(minutes=10)) for one in made]
    return received


def test_levels_go_and_their_hours_stay(ledger: Ledger, node: FakeNode) -> None:
    ledger.append(days(node, 5))
    hours, events = ledger.level_hours(), ledger.events()
    assert ledger.prune("levels", START + 3 * DAY) == 3
    assert ledger.level_hours() == hours
    assert ledger.events() == events
    assert len(ledger.levels(node.name, START, NEVER).start) == 120
    assert ledger.counts().by_kind["levels"] == 5
    ledger.rebuild()
    assert ledger.level_hours() == hours
    assert ledger.check().holds


def test_events_leave_their_list(ledger: Ledger, node: FakeNode) -> None:
    ledger.append(days(node, 5))
    assert ledger.prune("event", START + 3 * DAY) == 3
    assert ledger.count_events() == 2
    ledger.rebuild()
    assert ledger.count_events() == 2
    assert ledger.check().holds


def test_what_proves_a_message_stays(ledger: Ledger, node: FakeNode, engine: Engine) -> None:
    batch = days(node, 4)
    ledger.append(batch)
    columns = [column for column in message.c if column.name != "payload"]
    query = select(*columns).order_by(message.c.position)
    with reading(engine) as connection:
        before = connection.execute(query).all()
    for kind in ("levels", "event", "health"):
        ledger.prune(kind, NEVER)
    with reading(engine) as connection:
        assert connection.execute(query).all() == before
    (chain,) = [found.chain for found in ledger.check().nodes]
    assert (chain.messages, chain.pruned, chain.holds) == (12, 11, True)
    # Who sends it again changes nothing; who sends another in its place is found out.
    assert ledger.append(batch).duplicates == 12
    node.seq, node.prev = 0, "0" * 64
    assert ledger.append([node.signed(event(node.name, START))]).quarantined == 1


def test_the_last_words_of_a_node_stay(ledger: Ledger, node: FakeNode) -> None:
    ledger.append([*days(node, 2), node.signed(event(node.name, START), received_at=START)])
    state = ledger.node_states()[node.name]
    for kind in ("levels", "event", "health"):
        ledger.prune(kind, NEVER)
    assert [one.seq for one in ledger.after(0, 10)] == [6, 7]
    ledger.rebuild()
    assert ledger.node_states()[node.name] == state
    assert ledger.check().holds


def test_what_an_output_has_not_got_stays(ledger: Ledger, node: FakeNode) -> None:
    ledger.append(days(node, 4))
    assert ledger.prune("levels", NEVER, outputs=["influxdb"]) == 0
    ledger.set_cursor("influxdb", 4)
    assert ledger.prunable("levels", NEVER, ["influxdb"]) == 2
    assert ledger.prune("levels", NEVER, outputs=["influxdb"]) == 2
    assert ledger.prune("levels", NEVER, outputs=["influxdb", "another"]) == 0


def test_many_go_page_by_page_and_once(ledger: Ledger, node: FakeNode, engine: Engine) -> None:
    at = START + DAY
    ledger.append(
        [node.signed(levels(node.name, at, count=1), received_at=at) for _ in range(1203)]
    )
    hours = ledger.level_hours()
    seen: list[int] = []
    assert ledger.prune("levels", NEVER, progress=seen.append) == 1202
    assert seen == [500, 500, 202]
    assert ledger.prune("levels", NEVER) == 0
    assert ledger.level_hours() == hours
    with reading(engine) as connection:
        rows = connection.execute(select(pruning.c.kind, pruning.c["count"], pruning.c.at_work))
        assert rows.all() == [("levels", 1202, False)]
    # What comes in afterwards adds to what was kept of the hour.
    late = node.signed(levels(node.name, at, 60.0, count=100))
    ledger.append([late])
    ledger.rebuild()
    assert ledger.level_hours()[0].valid_s == hours[0].valid_s + 100
    assert ledger.check().holds


def test_a_pruned_message_says_so(ledger: Ledger, node: FakeNode) -> None:
    ledger.append(days(node, 2))
    ledger.prune("levels", NEVER)
    stored = ledger.message(1)
    assert stored is not None
    with pytest.raises(LedgerError, match="message 1 of ekskolan-1 was pruned"):
        _ = stored.message


def test_the_time_of_receipt_counts(ledger: Ledger, node: FakeNode) -> None:
    wrong_clock = levels(node.name, datetime(1970, 1, 2, tzinfo=UTC))
    ledger.append([node.signed(wrong_clock, received_at=START), *days(node, 1)])
    assert ledger.prune("levels", START) == 0


@ONLY_SQLITE
def test_nothing_of_it_is_left_in_the_files(
    ledger: Ledger, node: FakeNode, database_url: str
) -> None:
    ledger.append(days(node, 3))
    path = sqlite_path(database_url)
    assert path is not None
    trace = b"trace_lafmax_db"
    assert any(trace in part.read_bytes() for part in files(path))
    ledger.prune("event", NEVER)
    assert not any(trace in part.read_bytes() for part in files(path))


def files(path: Path) -> list[Path]:
    """The database and what belongs to it."""
    return list(path.parent.glob(f"{path.name}*"))
