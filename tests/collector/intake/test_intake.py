"""The intake confirms after the commit, in order, and never because of a failure."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from collector.database.database import open_database, writing
from collector.intake.intake import BATCH, Incoming, Intake
from collector.ledger.ledger import AppendResult, Ledger, Received
from collector.registry.registry import Registry
from sensor.contract.messages import Ack
from sensor.contract.topics import topic
from tests.peers import FakeNode, levels, wait_for

START = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)


class Confirmed:
    """What was confirmed, and what the ledger held by then."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.mids: list[int] = []
        self.acked: dict[str, int] = {}
        self.held: list[int] = []

    def __call__(self, batch: Sequence[Incoming], acks: Mapping[str, Ack]) -> None:
        """Note it."""
        self.mids += [item.mid for item in batch]
        self.acked.update({node: ack.seq for node, ack in acks.items()})
        self.held.append(self.ledger.counts().messages)


@pytest.fixture
def node(registry: Registry) -> FakeNode:
    """A registered node."""
    made = FakeNode("ekskolan-1")
    made.register(registry, "ekskolan", START)
    return made


def incoming(node: FakeNode, count: int) -> list[Incoming]:
    """Messages as the broker numbers them."""
    return [
        Incoming(
            node.signed(levels(node.name, START + timedelta(seconds=i), count=1)), mid=i, qos=1
        )
        for i in range(count)
    ]


def test_confirms_in_order_of_receipt_and_only_what_is_durable(
    ledger: Ledger, node: FakeNode
) -> None:
    confirmed = Confirmed(ledger)
    intake = Intake(ledger, confirmed)
    items = incoming(node, BATCH + 100)
    for item in items:
        intake.put(item)
    assert intake.pending == len(items)
    intake.start()
    wait_for(lambda: intake.pending == 0)
    intake.stop()
    assert confirmed.mids == [item.mid for item in items]
    assert confirmed.held == [BATCH, BATCH + 100]
    assert confirmed.acked == {node.name: BATCH + 100}


def test_status_of_several_nodes_and_of_nobody(
    ledger: Ledger, registry: Registry, node: FakeNode
) -> None:
    other = FakeNode("askolan-1")
    other.register(registry, "askolan", START)
    confirmed = Confirmed(ledger)
    intake = Intake(ledger, confirmed)
    for mid, (name, status) in enumerate(
        [(node.name, b"online"), (other.name, b"online"), (other.name, b"offline"),
         ("nobody", b"online"), (node.name, b"dancing")]
    ):  # fmt: skip
        intake.put(Incoming(Received(topic(name, "status"), status, None, START), mid, 1))
    intake.start()
    wait_for(lambda: len(confirmed.mids) == 5)
    intake.stop()
    states = ledger.node_states()
    assert {name: state.online for name, state in states.items()} == {
        node.name: True,
        other.name: False,
    }
    assert sorted(item.reason for item in ledger.quarantined()) == ["undecodable", "unknown_node"]
    # Only who is there is told how far the ledger is: nothing is, so far.
    assert confirmed.acked == {node.name: 0}


@pytest.fixture
def impatient(database_url: str, ledger: Ledger) -> Iterator[Ledger]:
    """The same ledger, which does not wait long for another writer."""
    engine = open_database(database_url, busy_timeout_s=0.05)
    yield Ledger(engine, ledger.registry)
    engine.dispose()


def test_nothing_is_confirmed_while_the_ledger_is_locked(
    ledger: Ledger, impatient: Ledger, node: FakeNode
) -> None:
    confirmed = Confirmed(ledger)
    intake = Intake(impatient, confirmed)
    with writing(ledger._engine):
        for item in incoming(node, 3):
            intake.put(item)
        intake.start()
        wait_for(lambda: intake.trouble)
        assert "another program" in str(intake.trouble)
        assert (confirmed.mids, intake.pending) == ([], 3)
    wait_for(lambda: intake.pending == 0)
    intake.stop()
    assert (confirmed.mids, intake.trouble) == ([0, 1, 2], None)


def test_stop_does_not_wait_for_a_locked_ledger(
    ledger: Ledger, impatient: Ledger, node: FakeNode
) -> None:
    confirmed = Confirmed(ledger)
    intake = Intake(impatient, confirmed)
    with writing(ledger._engine):
        intake.put(incoming(node, 1)[0])
        intake.start()
        wait_for(lambda: intake.trouble)
        intake.stop()
    assert confirmed.mids == []


class FaultyLedger(Ledger):
    """A ledger with a fault in its program."""

    def append(self, batch: Sequence[Received]) -> AppendResult:
        """Fail as no ledger should."""
        raise ZeroDivisionError(len(batch))


def test_a_fault_in_the_program_confirms_nothing_and_is_seen(
    ledger: Ledger, node: FakeNode, caplog: pytest.LogCaptureFixture
) -> None:
    confirmed = Confirmed(ledger)
    intake = Intake(FaultyLedger(ledger._engine, ledger.registry), confirmed)
    intake.put(incoming(node, 1)[0])
    intake.start()
    wait_for(lambda: intake.failure)
    intake.stop()
    assert isinstance(intake.failure, ZeroDivisionError)
    assert (confirmed.mids, intake.pending > 0) == ([], True)
    assert "the intake has failed" in caplog.text


def test_stop_ends_an_intake_that_never_started_or_has_nothing(ledger: Ledger) -> None:
    Intake(ledger, Confirmed(ledger)).stop()
    intake = Intake(ledger, Confirmed(ledger))
    intake.start()
    intake.stop()
    assert not any(thread.name == "intake" for thread in threading.enumerate())
