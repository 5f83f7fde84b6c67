"""The check finds whatever was done to a ledger, says where, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, text

from collector.check.check import LedgerCheck, NodeCheck
from collector.commands.check import described
from collector.database.database import reading
from collector.ledger.ledger import Ledger, Received
from collector.registry.registry import Registry
from sensor.contract.messages import Message
from tests.collector.check.tampering import unguarded
from tests.peers import FakeNode, event, health, levels

START = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)


@pytest.fixture
def node(registry: Registry) -> FakeNode:
    """A registered node."""
    made = FakeNode("ekskolan-1")
    made.register(registry, "ekskolan", START)
    return made


def eight(node: FakeNode) -> list[Received]:
    """Messages of three kinds: 1 and 5 are events, 2 and 6 health, the others levels."""
    received = []
    for i in range(8):
        at = START + timedelta(minutes=20 * i)
        others: dict[int, Message] = {0: event(node.name, at), 1: health(node.name, at)}
        made = others.get(i % 4, levels(node.name, at, 50.0 + i))
        received.append(node.signed(made))
    return received


@pytest.fixture
def stored(ledger: Ledger, node: FakeNode) -> Ledger:
    """A ledger with the eight, as they came in by two batches out of order."""
    batch = eight(node)
    ledger.append(batch[4:])
    ledger.append(batch[:4])
    return ledger


def only(found: LedgerCheck) -> NodeCheck:
    """What was found of the only node."""
    (one,) = found.nodes
    return one


def content(engine: Engine) -> dict[str, list[str]]:
    """Every row of the tables that a check looks at."""
    names = ("message", "node_state", "message_count", "event", "level_hour", "quarantine")
    with reading(engine) as connection:
        return {
            name: sorted(map(str, connection.execute(text(f"SELECT * FROM {name}"))))  # noqa: S608 - our names
            for name in names
        }


def test_what_is_whole_holds_and_stays_as_it_is(stored: Ledger, engine: Engine) -> None:
    before = content(engine)
    seen: list[tuple[int, int]] = []
    found = stored.check(lambda done, total: seen.append((done, total)))
    assert found.holds
    assert (found.messages, only(found).chain.highest_seq) == (8, 8)
    assert seen == [(8, 8)]
    assert content(engine) == before
    assert described(found)[-1] == "8 messages of 1 node: all holds."


def test_an_empty_ledger_holds(ledger: Ledger) -> None:
    assert ledger.check().holds


def test_a_gap_is_told_by_its_numbers(ledger: Ledger, node: FakeNode) -> None:
    batch = eight(node)
    ledger.append([batch[i] for i in (1, 5, 7)])
    found = ledger.check()
    chain = only(found).chain
    assert not found.holds
    assert (chain.gaps, chain.missing) == ([(1, 1), (3, 5), (7, 7)], 5)
    assert "  gaps: 5 messages are missing: 1, 3 to 5, 7." in described(found)


def test_a_break_is_told_by_its_number(ledger: Ledger, node: FakeNode) -> None:
    first = node.signed(levels(node.name, START))
    node.prev = "ab" * 32
    ledger.append([first, *eight(node)])
    chain = only(ledger.check()).chain
    assert (chain.breaks, chain.broken, chain.missing) == ([2], 1, 0)


def test_forks_count_until_somebody_dealt_with_them(stored: Ledger, node: FakeNode) -> None:
    node.seq = 3
    stored.append([node.signed(levels(node.name, START, 99.0))])
    found = stored.check()
    assert (found.holds, only(found).forks) == (False, 1)
    assert any("forks: 1" in line for line in described(found))
    stored.drop_quarantined(stored.quarantined_ids())
    assert stored.check().holds
    assert stored.node_states()[node.name].forks == 1


def test_replays_are_told_and_harmless(stored: Ledger, node: FakeNode) -> None:
    again = stored.after(0, 2)
    stored.append(
        [
            Received(f"skolro/v1/{one.node}/{one.kind}", one.payload, one.signature, START)
            for one in again
        ]
    )
    found = stored.check()
    assert (found.holds, only(found).replays) == (True, 2)


OTHER_LEVEL = (
    "UPDATE message SET payload = "
    "CAST(replace(CAST(payload AS TEXT), '57.0', '47.0') AS BLOB) WHERE seq = 8"
)
OTHER_SIGNATURE = (
    "UPDATE message SET signature = (SELECT signature FROM message WHERE seq = 4) WHERE seq = 3"
)
TAMPERED = {
    "another level": (OTHER_LEVEL, "message 8: its content was changed"),
    "nonsense": ("UPDATE message SET payload = 'x' WHERE seq = 3", "message 3: its content was"),
    "emptied": ("UPDATE message SET payload = '' WHERE seq = 3", "was never pruned"),
    "signature": (OTHER_SIGNATURE, "does not fit the payload"),
    "time": ("UPDATE message SET time = time + 1 WHERE seq = 3", "its time is listed as"),
    "start": ("UPDATE message SET start = start + 1 WHERE seq = 3", "its start is listed as"),
    "number": ("UPDATE message SET seq = 18 WHERE seq = 8", "its number is listed as 18"),
    "key": ("UPDATE node_key SET revoked_at = 0", "was revoked at"),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_a_changed_message_is_found(stored: Ledger, engine: Engine, name: str) -> None:
    statement, told = TAMPERED[name]
    if engine.dialect.name == "postgresql":
        statement = statement.replace(
            "CAST(replace(CAST(payload AS TEXT), '57.0', '47.0') AS BLOB)",
            "convert_to(replace(convert_from(payload, 'UTF8'), '57.0', '47.0'), 'UTF8')",
        )
    with unguarded(engine) as connection:
        connection.execute(text(statement))
    registry = Registry(engine)
    found = Ledger(engine, registry).check()
    assert not found.holds
    assert any(told in fault for fault in only(found).faults), only(found).faults


def test_a_changed_hash_breaks_the_chain(stored: Ledger, engine: Engine) -> None:
    with unguarded(engine) as connection:
        connection.execute(text("UPDATE message SET sha256 = 'x' WHERE seq = 4"))
    one = only(stored.check())
    assert (one.chain.breaks, one.faulty) == ([5], 1)


def test_a_removed_message_is_found_even_at_the_end_of_a_chain(
    stored: Ledger, engine: Engine
) -> None:
    with unguarded(engine) as connection:
        connection.execute(text("DELETE FROM message WHERE seq = 8"))
    found = stored.check()
    assert found.missing_positions == 1
    assert any("1 message was removed" in line for line in described(found))


def _drop_event(connection: Connection) -> None:
    connection.execute(text("DELETE FROM event WHERE position = 1"))


def _louder_hour(connection: Connection) -> None:
    connection.execute(text("UPDATE level_hour SET energy = energy * 1.0001"))


def _wrong_count(connection: Connection) -> None:
    connection.execute(text("UPDATE message_count SET count = count + 1 WHERE kind = 'event'"))


def _wrong_ack(connection: Connection) -> None:
    connection.execute(text("UPDATE node_state SET acked_seq = 7"))


def _unknown_node(connection: Connection) -> None:
    connection.execute(text("INSERT INTO message_count VALUES ('nobody', 'event', 1)"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_drop_event, "events: 1 listed otherwise"),
        (_louder_hour, "hours of levels"),
        (_wrong_count, "numbers of messages: 1 "),
        (_wrong_ack, "acked_seq"),
        (_unknown_node, "numbers of messages: 1 "),
    ],
)
def test_lists_that_say_otherwise_are_found_and_remade(
    stored: Ledger, engine: Engine, change: Callable[[Connection], None], told: str
) -> None:
    with unguarded(engine) as connection:
        change(connection)
    found = stored.check()
    (difference,) = [text for node in found.nodes for text in node.differences]
    assert told in difference
    assert not found.holds
    assert any("skolro collector rebuild remakes them" in line for line in described(found))
    stored.rebuild()
    assert stored.check().holds


def test_a_node_that_was_hung_elsewhere_afterwards_asks_for_a_rebuild(
    stored: Ledger, registry: Registry, node: FakeNode
) -> None:
    registry.place_node(node.name, "askolan", START + timedelta(minutes=70))
    assert any("events" in text for text in only(stored.check()).differences)
    stored.rebuild()
    assert stored.check().holds
    assert [row.site for row in stored.events()] == ["askolan", "ekskolan"]
