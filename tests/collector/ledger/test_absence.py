"""Holes that nobody waits for: told by the node, or accepted here; and what is asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from collector.analysis.stretches import Stretches
from collector.commands.check import described
from collector.commands.node_list import meaning
from collector.database.database import writing
from collector.errors import LedgerError
from collector.ledger.ledger import Ledger, Received
from collector.registry.registry import Registry
from sensor.contract.messages import Absence, Absent, draft
from sensor.contract.signature import payload_hash
from tests.collector.check.tampering import unguarded
from tests.peers import FakeNode, health, levels

START = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)


@pytest.fixture
def node(registry: Registry) -> FakeNode:
    """A registered node."""
    made = FakeNode("ekskolan-1")
    made.register(registry, "ekskolan", START)
    return made


def batch(node: FakeNode, count: int) -> list[Received]:
    """Minutes of levels."""
    return [
        node.signed(levels(node.name, START + timedelta(minutes=i), 50.0 + i)) for i in range(count)
    ]


def absence(node: FakeNode, *absent: Absent, **changes: Any) -> Received:
    """The node says that something is gone."""
    values = {"reason": "lost", "absent": absent, **changes}
    return node.signed(Absence(**draft(node.name, START, seq=node.seq + 1), **values))


def thinned(node: FakeNode, gone: list[Received], first: int) -> list[Received]:
    """Minute values in place of messages, and the word that they are."""
    values = tuple(50.0 + first - 1 + i for i in range(len(gone)))
    begin = START + timedelta(minutes=first - 1)
    minutes = levels(
        node.name, begin, interval_s=60, count=len(gone), laeq_db=None, flags=("thinned",)
    )
    minutes = type(minutes)(
        **{name: getattr(minutes, name) for name in minutes.__struct_fields__}
        | {"laeq_db": values, "lafmax_db": tuple(v + 6 for v in values)}
    )
    hashes = tuple(payload_hash(one.payload) for one in gone)
    instead = node.signed(minutes)
    told = Absent(first=first, last=first + len(gone) - 1, sha256=hashes)
    return [instead, absence(node, told, reason="thinned", instead=(node.seq,))]


def test_an_ack_passes_over_what_the_node_has_lost(ledger: Ledger, node: FakeNode) -> None:
    messages = batch(node, 10)
    told = absence(node, Absent(first=4, last=7, sha256=None))
    assert ledger.append([*messages[:3], *messages[7:]]).acked == {node.name: 3}
    assert ledger.append([told]).acked == {node.name: 11}
    state = ledger.node_states()[node.name]
    assert (state.lost, state.missing, state.chain_breaks) == (4, 0, 0)
    found = ledger.check()
    assert found.holds
    assert "4 lost, as the node says" in described(found)[0]
    assert meaning(state) == ["4 messages are lost, as the node says itself."]
    # What comes in after all is stored.
    assert ledger.append([messages[5]]).stored == 1
    assert ledger.node_states()[node.name].lost == 3
    assert ledger.check().holds


def test_a_thinned_chain_is_followed_over_its_hashes(ledger: Ledger, node: FakeNode) -> None:
    messages = batch(node, 10)
    instead, told = thinned(node, messages[2:6], 3)
    ledger.append([*messages[:2], *messages[6:], instead, told])
    state = ledger.node_states()[node.name]
    assert (state.acked_seq, state.thinned, state.chain_breaks) == (12, 4, 0)
    assert ledger.check().holds
    # The levels of those minutes count once, as minutes.
    (hour,) = ledger.level_hours()
    assert hour.valid_s == 600
    series = ledger.levels(node.name, START, START + timedelta(hours=1))
    assert series.interval_s.count(60) == 4
    assert series.interval_s.count(1) == 360
    # The original, should it come, is known already, and another in its place is a fork.
    assert ledger.append([messages[3]]).duplicates == 1
    node.seq, node.prev = 3, payload_hash(messages[2].payload)
    other = node.signed(levels(node.name, START, 99.0))
    assert ledger.append([other]).quarantined == 1
    assert ledger.level_hours()[0].valid_s == 600


def test_an_ack_passes_over_what_is_lost_as_far_as_something_is_missing(
    ledger: Ledger, node: FakeNode
) -> None:
    # 1 and 2 are lost, 3 is waited for, 4 is lost, 5 tells it.
    batch(node, 4)
    told = absence(node, Absent(first=1, last=2, sha256=None), Absent(first=4, last=4, sha256=None))
    ledger.append([told])
    assert ledger.node_states()[node.name].acked_seq == 2
    (found,) = ledger.check().nodes
    assert found.chain.gaps == [(3, 3)]
    assert not found.differences
    ledger.rebuild()
    assert ledger.node_states()[node.name].acked_seq == 2


def test_a_wrong_hash_breaks_the_chain(ledger: Ledger, node: FakeNode) -> None:
    messages = batch(node, 5)
    wrong = Absent(first=3, last=3, sha256=("ab" * 32,))
    ledger.append([*messages[:2], *messages[3:], absence(node, wrong, reason="thinned")])
    assert ledger.node_states()[node.name].chain_breaks == 1
    (found,) = ledger.check().nodes
    assert found.chain.breaks == [4]


def test_any_order_ends_in_one_state(ledger: Ledger, registry: Registry) -> None:
    expected: tuple[int, ...] | None = None
    for number, order in enumerate([*permutations(range(4))][::5]):
        node = FakeNode(f"n-{number}")
        node.register(registry, "ekskolan", START)
        messages = batch(node, 8)
        parts = [
            messages[:2],
            messages[4:],
            thinned(node, messages[2:4], 3),
            [node.signed(health(node.name, START))],
        ]
        for part in order:
            ledger.append(parts[part])
        state = ledger.node_states()[node.name]
        seen = (state.acked_seq, state.highest_seq, state.thinned, state.chain_breaks)
        expected = expected or seen
        assert seen == expected
    assert expected == (11, 11, 2, 0)
    before = ledger.node_states()
    assert ledger.check().holds
    ledger.rebuild(page_size=3)
    assert ledger.node_states() == before
    assert ledger.check().holds


def test_pruned_minutes_leave_the_word_that_something_was_thinned(
    ledger: Ledger, node: FakeNode
) -> None:
    messages = batch(node, 6)
    ledger.append([*messages[:2], *thinned(node, messages[2:6], 3)])
    ledger.append([node.signed(health(node.name, START))])
    assert ledger.prune("levels", datetime.now(UTC) + timedelta(days=1)) == 3
    ledger.rebuild()
    state = ledger.node_states()[node.name]
    assert (state.acked_seq, state.thinned) == (9, 4)
    assert ledger.check().holds


def test_what_is_missing_is_asked_for_until_it_comes(ledger: Ledger, node: FakeNode) -> None:
    messages = batch(node, 9)
    assert ledger.append([messages[0], messages[2], messages[5]]).missing == {}
    result = ledger.append([messages[8]])
    assert result.missing == {node.name: [(2, 2), (4, 5), (7, 8)]}
    ack = ledger.standings([node.name, "nobody"])[node.name]
    assert (ack.seq, ack.highest_seq, ack.head_sha256) == (1, 9, payload_hash(messages[8].payload))
    assert ack.missing == ((2, 2), (4, 5), (7, 8))
    state = ledger.node_states()[node.name]
    assert state.missing == 5
    assert meaning(state)[0].startswith("5 messages are missing: ")
    ledger.append(messages)
    assert ledger.standings([node.name])[node.name].missing == ()
    assert ledger.node_states()[node.name].missing == 0


def test_it_is_asked_for_so_much_and_no_more(ledger: Ledger, node: FakeNode) -> None:
    ledger.append(batch(node, 101)[::2])
    ack = ledger.standings([node.name])[node.name]
    assert ack.missing == tuple((n, n) for n in range(2, 42, 2))


def test_a_gap_is_accepted_with_a_reason_and_for_good(
    ledger: Ledger, node: FakeNode, engine: Engine
) -> None:
    messages = batch(node, 9)
    ledger.append([messages[0], messages[4], messages[8]])
    assert ledger.accept_gap(node.name, 2, 4, "its card died") == 5
    assert ledger.gaps(node.name) == [(6, 8)]
    assert ledger.accept_gap(node.name, 6, 8, "so did the next one") == 9
    state = ledger.node_states()[node.name]
    assert (state.accepted, state.missing) == (6, 0)
    assert "6 accepted to be missing" in described(ledger.check())[0]
    assert ledger.check().holds
    ledger.rebuild()
    assert ledger.node_states()[node.name] == state
    assert [gap.reason for gap in ledger.accepted_gaps()] == [
        "its card died",
        "so did the next one",
    ]
    for statement in ("DELETE FROM gap_accepted", "UPDATE gap_accepted SET last_seq = 99"):
        with pytest.raises(LedgerError, match="append-only"), writing(engine) as connection:
            connection.execute(text(statement))
    assert ledger.append(messages[1:3]).stored == 2
    assert ledger.node_states()[node.name].accepted == 4
    assert ledger.check().holds


@pytest.mark.parametrize(
    ("first", "last", "reason", "said"),
    [
        (2, 5, "x", "not one stretch"),
        (4, 3, "x", "not one stretch"),
        (9, 20, "x", "not one stretch"),
        (2, 3, " ", "--reason"),
    ],
)
def test_only_a_gap_can_be_accepted(
    ledger: Ledger, node: FakeNode, first: int, last: int, reason: str, said: str
) -> None:
    messages = batch(node, 6)
    ledger.append([messages[0], messages[3], messages[5]])
    with pytest.raises(LedgerError, match=said):
        ledger.accept_gap(node.name, first, last, reason)
    assert ledger.accepted_gaps() == []


def test_a_list_that_hides_a_gap_is_found(ledger: Ledger, node: FakeNode, engine: Engine) -> None:
    messages = batch(node, 5)
    ledger.append([messages[0], *messages[3:]])
    with unguarded(engine) as connection:
        statement = "INSERT INTO absence VALUES (1, 2, 3, 'ekskolan-1', 'lost', NULL)"
        connection.execute(text(statement))
        connection.execute(text("UPDATE node_state SET acked_seq = 5"))
    (found,) = ledger.check().nodes
    assert found.chain.gaps == [(2, 3)]
    assert any("absent messages" in text for text in found.differences)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 6))), st.integers(1, 50))
def test_stretches_are_sets_of_numbers(parts: list[tuple[int, int]], number: int) -> None:
    stretches = Stretches((first, first + more) for first, more in parts)
    numbers = {n for first, more in parts for n in range(first, first + more + 1)}
    assert {n for first, last in stretches for n in range(first, last + 1)} == numbers
    end = stretches.end_of(number)
    assert (end is not None) == (number in numbers)
    assert end is None or (end in numbers and end + 1 not in numbers)
    left = {n for first, last in stretches.without(3, number) for n in range(first, last + 1)}
    assert left == set(range(3, number + 1)) - numbers
