"""The ledger keeps every message once, tells how far it is, and gives back what it got."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace as changed
from sqlalchemy import event as database_event

from collector.database.database import open_database, writing
from collector.errors import LedgerError
from collector.ledger.ledger import Ledger, Received
from collector.registry.registry import Registry
from sensor.contract.signature import payload_hash
from tests.collector.conftest import ONLY_SQLITE
from tests.peers import FakeNode, event, health, levels

START = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)


@pytest.fixture
def node(registry: Registry) -> FakeNode:
    """A registered node at Ekskolan."""
    made = FakeNode("ekskolan-1")
    made.register(registry, "ekskolan", START)
    return made


def minutes(node: FakeNode, count: int, first: int = 0) -> list[Received]:
    """Batches of levels, one a minute."""
    return [
        node.signed(levels(node.name, START + timedelta(minutes=first + i), 50.0 + i % 10))
        for i in range(count)
    ]


def test_stores_bytes_as_they_came(ledger: Ledger, node: FakeNode) -> None:
    received = node.signed(event(node.name, START))
    result = ledger.append([received])
    (stored,) = ledger.after(0, 10)
    assert (result.stored, result.duplicates, result.quarantined) == (1, 0, 0)
    assert result.acked == {node.name: 1}
    assert (stored.position, stored.node, stored.seq, stored.kind) == (1, node.name, 1, "event")
    assert (stored.payload, stored.signature) == (received.payload, received.signature)
    assert stored.received_at == received.received_at
    assert stored.message == ledger.message(1).message  # type: ignore[union-attr]  # it is there
    assert ledger.message(2) is None


def test_appending_again_changes_nothing(ledger: Ledger, node: FakeNode) -> None:
    batch = [*minutes(node, 3), node.signed(event(node.name, START))]
    ledger.append(batch)
    before = (ledger.counts(), ledger.events(), ledger.level_hours())
    state = ledger.node_states()[node.name]
    result = ledger.append([*batch, *batch])
    assert (result.stored, result.duplicates) == (0, 8)
    assert result.acked == {node.name: 4}
    assert (ledger.counts(), ledger.events(), ledger.level_hours()) == before
    assert ledger.node_states()[node.name] == replace(state, replays=8)


def test_a_message_twice_in_one_batch_is_stored_once(ledger: Ledger, node: FakeNode) -> None:
    (received,) = minutes(node, 1)
    result = ledger.append([received, received])
    assert (result.stored, result.duplicates) == (1, 1)


@pytest.mark.parametrize("together", [True, False])
def test_another_message_with_the_same_number_is_a_fork(
    ledger: Ledger, node: FakeNode, together: bool
) -> None:
    first = node.signed(levels(node.name, START, 50.0))
    node.seq, node.prev = 0, "0" * 64
    second = node.signed(levels(node.name, START, 51.0))
    if together:
        ledger.append([first, second])
    else:
        ledger.append([first])
        ledger.append([second])
    assert [stored.payload for stored in ledger.after(0, 10)] == [first.payload]
    (item,) = ledger.quarantined()
    assert item.reason == "fork"
    assert payload_hash(first.payload) in item.detail
    assert ledger.node_states()[node.name].forks == 1
    assert item.payload == second.payload


def test_ack_stops_at_a_gap_and_goes_on_when_it_is_closed(ledger: Ledger, node: FakeNode) -> None:
    one, two, three, four, five = minutes(node, 5)
    assert ledger.append([one, four]).acked == {node.name: 1}
    assert ledger.append([three]).acked == {node.name: 1}
    assert ledger.append([five]).acked == {node.name: 1}
    state = ledger.node_states()[node.name]
    assert (state.acked_seq, state.highest_seq, state.chain_breaks) == (1, 5, 0)
    assert ledger.append([two]).acked == {node.name: 5}
    assert ledger.acked_seqs([node.name, "nobody"]) == {node.name: 5, "nobody": 0}


def test_ack_goes_over_gaps_that_a_batch_closes_in_part(ledger: Ledger, node: FakeNode) -> None:
    batch = minutes(node, 9)
    ledger.append([batch[i] for i in (2, 4, 6)])
    assert ledger.append([batch[i] for i in (0, 1, 3, 5, 8)]).acked == {node.name: 7}
    assert ledger.append([batch[7]]).acked == {node.name: 9}


def test_a_prev_that_does_not_fit_is_stored_and_counted(ledger: Ledger, node: FakeNode) -> None:
    (one,) = minutes(node, 1)
    node.prev = "ab" * 32
    two, three = minutes(node, 2, first=1)
    ledger.append([one])
    ledger.append([three])
    assert ledger.node_states()[node.name].chain_breaks == 0
    ledger.append([two])
    state = ledger.node_states()[node.name]
    assert (state.acked_seq, state.chain_breaks) == (3, 1)


def test_a_first_message_must_begin_the_chain(ledger: Ledger, node: FakeNode) -> None:
    node.prev = "ab" * 32
    ledger.append(minutes(node, 1))
    assert ledger.node_states()[node.name].chain_breaks == 1


def test_bad_ones_do_not_hold_up_good_ones(ledger: Ledger, node: FakeNode) -> None:
    one, two = minutes(node, 2)
    result = ledger.append([one, changed(two, signature=None), two])
    assert (result.stored, result.quarantined) == (2, 1)
    counts = ledger.counts()
    assert (counts.messages, counts.by_kind["levels"], counts.quarantined) == (2, 2, 1)


def test_after_pages_by_position(ledger: Ledger, node: FakeNode) -> None:
    ledger.append(minutes(node, 7))
    first = ledger.after(0, 3)
    rest = ledger.after(first[-1].position, 100)
    assert [stored.seq for stored in [*first, *rest]] == [1, 2, 3, 4, 5, 6, 7]


def test_messages_of_a_period_come_in_order_of_their_start(ledger: Ledger, node: FakeNode) -> None:
    batch = minutes(node, 1200)
    ledger.append(batch[600:])
    ledger.append([*batch[:600], node.signed(event(node.name, START + timedelta(hours=2)))])
    start, end = START + timedelta(minutes=10), START + timedelta(minutes=1190)
    found = list(ledger.messages(node.name, "levels", start, end))
    assert [stored.seq for stored in found] == list(range(11, 1191))
    assert len(list(ledger.messages(node.name, "event", start, end))) == 1
    assert not list(ledger.messages("nobody", "levels", start, end))


def test_messages_with_one_and_the_same_start_all_come(ledger: Ledger, node: FakeNode) -> None:
    ledger.append([node.signed(levels(node.name, START, count=1)) for _ in range(1003)])
    found = ledger.messages(node.name, "levels", START, START + timedelta(seconds=1))
    assert len(list(found)) == 1003


def test_levels_are_cut_to_the_period(ledger: Ledger, node: FakeNode) -> None:
    ledger.append(minutes(node, 3))
    start = START + timedelta(seconds=50.5)
    series = ledger.levels(node.name, start, START + timedelta(seconds=123))
    assert series.start == [START + timedelta(seconds=s) for s in range(51, 123)]
    assert series.laeq_db == [50.0] * 9 + [51.0] * 60 + [52.0] * 3
    assert series.lafmax_db == [level + 6 for level in series.laeq_db if level is not None]
    assert series.interval_s == [1] * 72
    assert not any(series.simulated)


def test_levels_say_what_is_missing_and_what_is_simulated(ledger: Ledger, node: FakeNode) -> None:
    unmeasured = levels(node.name, START, None, count=2)
    simulated = levels(
        node.name, START + timedelta(minutes=5), 60.0, count=1, interval_s=60, flags=("simulated",)
    )
    ledger.append([node.signed(unmeasured), node.signed(simulated)])
    series = ledger.levels(node.name, START, START + timedelta(hours=1))
    assert series.laeq_db == [None, None, 60.0]
    assert series.interval_s == [1, 1, 60]
    assert series.simulated == [False, False, True]


def test_an_hourly_batch_is_found_from_within(ledger: Ledger, node: FakeNode) -> None:
    ledger.append([node.signed(levels(node.name, START, interval_s=60))])
    start = START + timedelta(minutes=58)
    series = ledger.levels(node.name, start, start + timedelta(hours=1))
    assert series.start == [start, start + timedelta(minutes=1)]


def test_node_state_tells_what_the_page_needs(ledger: Ledger, node: FakeNode) -> None:
    last = START + timedelta(minutes=10)
    ledger.append([node.signed(health(node.name, last, outbox_depth=7))])
    state = ledger.node_states()[node.name]
    assert (state.last_time, state.online) == (last, None)
    assert state.health is not None
    assert state.health["outbox_depth"] == 7


def test_online_keeps_the_time_of_the_change(ledger: Ledger, node: FakeNode) -> None:
    ledger.set_online(node.name, True, START)
    ledger.set_online(node.name, True, START + timedelta(hours=1))
    state = ledger.node_states()[node.name]
    assert (state.online, state.online_changed_at) == (True, START)
    ledger.set_online(node.name, False, START + timedelta(hours=2))
    state = ledger.node_states()[node.name]
    assert (state.online, state.online_changed_at) == (False, START + timedelta(hours=2))


def test_cursors_are_kept_by_output(ledger: Ledger) -> None:
    assert ledger.cursor("influxdb") == 0
    ledger.set_cursor("influxdb", 17)
    ledger.set_cursor("other", 3)
    ledger.set_cursor("influxdb", 18)
    assert (ledger.cursor("influxdb"), ledger.cursor("other")) == (18, 3)


def test_two_writers_at_once_lose_nothing(
    database_url: str, registry: Registry, ledger: Ledger
) -> None:
    nodes = [FakeNode(f"n{i}") for i in range(4)]
    for one in nodes:
        one.register(registry, "ekskolan", START)
    batches = {one.name: minutes(one, 40) for one in nodes}

    def write(name: str) -> None:
        engine = open_database(database_url)
        own = Ledger(engine, Registry(engine))
        for i in range(0, 40, 4):
            own.append(batches[name][i : i + 4])
        engine.dispose()

    threads = [threading.Thread(target=write, args=[name]) for name in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger.acked_seqs(batches) == dict.fromkeys(batches, 40)
    assert [stored.position for stored in ledger.after(0, 1000)] == list(range(1, 161))


def test_a_locked_database_is_one_sentence(database_url: str, node: FakeNode) -> None:
    holder = open_database(database_url)
    waiting = open_database(database_url, busy_timeout_s=0.1)
    ledger = Ledger(waiting, Registry(waiting))
    batch = minutes(node, 1)
    with writing(holder), pytest.raises(LedgerError, match=r"another program is writing"):
        ledger.append(batch)
    assert ledger.append(batch).stored == 1
    holder.dispose()
    waiting.dispose()


@ONLY_SQLITE
def test_a_full_disk_is_one_sentence_and_stores_nothing(
    database_url: str, node: FakeNode, ledger: Ledger
) -> None:
    engine = open_database(database_url)
    full = Ledger(engine, Registry(engine))
    batch = minutes(node, 400)
    # The limit holds for this connection, which the pool hands out again.
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 60")
    with pytest.raises(LedgerError, match=r"is full: make room"):
        full.append(batch)
    assert ledger.counts().messages == 0
    assert ledger.append(batch).stored == 400
    engine.dispose()


def test_what_the_database_cannot_hold_does_not_hold_up_the_rest(
    database_url: str, node: FakeNode
) -> None:
    engine = open_database(database_url)
    ledger = Ledger(engine, Registry(engine))
    batch = minutes(node, 9)

    @database_event.listens_for(engine, "before_cursor_execute")
    def _refuse(*what: Any) -> None:
        # As SQLite says it of a number of more than 64 bits.
        if what[2].startswith("INSERT INTO message ") and str(batch[4].signature) in str(what[3]):
            raise OverflowError("too large for the database")

    result = ledger.append(batch)
    assert (result.stored, result.quarantined) == (8, 1)
    assert result.acked == {node.name: 4}
    (refused,) = ledger.quarantined()
    assert (refused.reason, refused.payload) == ("unstorable", batch[4].payload)
    assert "cannot hold it: too large" in refused.detail
    engine.dispose()
