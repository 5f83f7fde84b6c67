"""One key follows another under its signature, and a revoked one can announce nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from collector.database.database import writing
from collector.ledger.ledger import Ledger, Received
from collector.registry.registry import Registry
from sensor.contract.messages import KeyChange, draft
from sensor.contract.signature import key_id
from tests.peers import FakeNode, event, levels

START = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)


class Rotating(FakeNode):
    """A node that changes its key."""

    def change(self, seed: int) -> Received:
        """Announce the next key, and sign with it from then on."""
        following = FakeNode(self.name, seed=seed)
        text = following.public_key_text
        announced = self.signed(KeyChange(**draft(self.name, START), public_key=text))
        self.key = following.key
        return announced

    def minute(self) -> Received:
        """A message like any other."""
        return self.signed(levels(self.name, START + timedelta(minutes=self.seq)))


@pytest.fixture
def node(registry: Registry) -> Rotating:
    """A registered node."""
    made = Rotating("ekskolan-1")
    made.register(registry, "ekskolan", START)
    return made


def reasons(ledger: Ledger) -> list[str]:
    return sorted(item.reason for item in ledger.quarantined())


def test_what_follows_the_announcement_is_believed_in_the_same_batch_and_later(
    ledger: Ledger, node: Rotating
) -> None:
    batch = [node.minute(), node.change(1), node.minute(), node.change(2), node.minute()]
    result = ledger.append(batch)
    assert (result.stored, result.acked, result.quarantined) == (5, {node.name: 5}, 0)
    assert ledger.append([node.minute()]).acked == {node.name: 6}
    first, second, third = sorted(
        ledger.registry.keys_of(node.name), key=lambda key: key.announced_seq or 0
    )
    assert (first.announced_seq, first.last_seq) == (None, 2)
    assert (second.announced_seq, second.last_seq) == (2, 4)
    assert (third.announced_seq, third.last_seq) == (4, None)
    assert ledger.check().holds
    ledger.rebuild()
    assert ledger.check().holds


def test_the_old_key_counts_for_nothing_that_comes_after(ledger: Ledger, node: Rotating) -> None:
    thief = Rotating(node.name)
    first, second = node.minute(), node.minute()
    ledger.append([first, node.change(1)])
    thief.seq, thief.prev = node.seq, node.prev
    assert ledger.append([thief.minute(), thief.change(7)]).quarantined == 2
    assert reasons(ledger) == ["retired_key", "retired_key"]
    assert len(ledger.registry.keys_of(node.name)) == 2
    # What the old key signed before, and comes late, is as good as ever.
    assert ledger.append([second]).acked == {node.name: 3}
    assert ledger.append([node.minute()]).acked == {node.name: 4}


@pytest.mark.parametrize("together", [False, True])
def test_a_key_cannot_end_before_what_it_has_signed(
    ledger: Ledger, node: Rotating, together: bool
) -> None:
    first = node.minute()
    twin = Rotating(node.name)
    twin.seq, twin.prev = node.seq, node.prev
    announced = twin.change(1)
    second, third = node.minute(), node.minute()
    batches = [[first, third, announced]] if together else [[first, third], [announced]]
    assert sum(ledger.append(batch).quarantined for batch in batches) == 1
    assert reasons(ledger) == ["late_key"]
    assert len(ledger.registry.keys_of(node.name)) == 1
    assert ledger.append([second]).acked == {node.name: 3}
    assert ledger.check().holds


def test_a_revoked_key_can_sign_and_announce_nothing(
    ledger: Ledger, registry: Registry, node: Rotating
) -> None:
    first = node.minute()
    ledger.append([first])
    registry.revoke_key(key_id(str(first.signature)))
    result = ledger.append([node.minute(), node.change(1), node.minute()])
    assert (result.stored, result.quarantined) == (0, 3)
    assert reasons(ledger) == ["revoked_key", "revoked_key", "unknown_key"]
    assert len(registry.keys_of(node.name)) == 1


def test_a_message_that_overtakes_its_key_is_taken_out_of_quarantine(
    ledger: Ledger, node: Rotating
) -> None:
    first, announced, after = node.minute(), node.change(1), node.minute()
    assert ledger.append([first, after]).quarantined == 1
    ledger.append([announced])
    assert ledger.quarantined() == []
    assert ledger.acked_seqs([node.name]) == {node.name: 3}


def test_the_key_of_another_node_stays_with_it(
    ledger: Ledger, registry: Registry, node: Rotating
) -> None:
    other = FakeNode("ekskolan-2")
    other.register(registry, "ekskolan", START)
    text = other.public_key_text
    taken = node.signed(KeyChange(**draft(node.name, START), public_key=text))
    ledger.append([taken])
    node.key = other.key
    assert ledger.append([node.minute()]).quarantined == 1
    assert ledger.append([other.signed(event(other.name, START))]).stored == 1


def test_what_cannot_be_a_next_key_is_refused(ledger: Ledger, node: Rotating) -> None:
    for number, key in enumerate((node.public_key_text, "A" * 42 + "B")):
        node.seq, node.prev = 0, "0" * 64
        change = KeyChange(**draft(node.name, START), public_key=key)
        assert ledger.append([node.signed(change)]).quarantined == 1, number
    assert reasons(ledger) == ["undecodable", "undecodable"]


def test_a_check_finds_an_announced_key_that_is_not_registered(
    ledger: Ledger, node: Rotating, engine: Engine
) -> None:
    batch = [node.minute(), node.change(1), node.minute()]
    ledger.append(batch[:1])
    assert ledger.append(batch[1:]).stored == 2
    with writing(engine) as connection:
        connection.execute(text("DELETE FROM node_key WHERE announced_seq IS NOT NULL"))
        connection.execute(text("UPDATE registry_version SET version = version + 1"))
    (found,) = ledger.check().nodes
    assert any("is not registered" in fault for fault in found.faults)
