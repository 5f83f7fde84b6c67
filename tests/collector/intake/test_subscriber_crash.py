"""A collector that is killed at the worst moments loses nothing and stores nothing twice."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from collector.ledger.ledger import Ledger
from collector.registry.registry import Registry
from tests.peers import Broker, FakeNode, levels, wait_for

START = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)
PROGRAM = Path(__file__).with_name("dying_collector.py")


@contextmanager
def collector(
    url: str, port: int, moment: str = "never", commits: int = 1
) -> Iterator[subprocess.Popen[str]]:
    """A collector in a process of its own, connected."""
    process = subprocess.Popen(
        [sys.executable, PROGRAM, url, str(port), moment, str(commits)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "collecting\n"
        yield process
    finally:
        process.kill()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture
def node(registry: Registry, broker: Broker) -> Iterator[FakeNode]:
    """A registered node, connected to the broker."""
    made = FakeNode("ekskolan-1")
    made.register(registry, "ekskolan", START)
    made.connect(broker.host, broker.port)
    yield made
    made.close()


def publish(node: FakeNode, count: int) -> None:
    """Publish level batches as fast as the broker takes them."""
    for _ in range(count):
        at = START + timedelta(seconds=node.seq)
        node.publish(node.signed(levels(node.name, at, count=1)))


def holds_more_than(ledger: Ledger, count: int) -> bool:
    """Whether the ledger holds more messages than that."""
    return ledger.counts().messages > count


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_a_commit(
    database_url: str, ledger: Ledger, broker: Broker, node: FakeNode, moment: str
) -> None:
    with collector(database_url, broker.port, moment, commits=2) as process:
        publish(node, 30)
        wait_for(ledger.node_states, what="the first commit")
        # Whatever the first batch was, this makes a second one.
        publish(node, 30)
        assert process.wait(20) != 0
    stored = ledger.counts().messages
    assert (0 < stored <= 60) if moment == "after" else (0 < stored < 60)
    with collector(database_url, broker.port):
        node.expect_ack(60)
    assert [one.seq for one in ledger.after(0, 100)] == list(range(1, 61))
    assert ledger.counts().quarantined == 0


def test_killed_again_and_again(
    database_url: str, ledger: Ledger, broker: Broker, node: FakeNode
) -> None:
    for enough in (100, 500, 900):
        with collector(database_url, broker.port):
            publish(node, 400)
            wait_for(partial(holds_more_than, ledger, enough))
    with collector(database_url, broker.port):
        node.expect_ack(1200)
    state = ledger.node_states()[node.name]
    assert (state.acked_seq, state.chain_breaks) == (1200, 0)
    assert ledger.counts().messages == 1200


def test_what_came_before_the_collector_is_there(
    database_url: str, ledger: Ledger, broker: Broker, node: FakeNode
) -> None:
    with collector(database_url, broker.port):
        publish(node, 1)
        node.expect_ack(1)
    publish(node, 1500)
    with collector(database_url, broker.port):
        node.expect_ack(1501)
    assert ledger.counts().messages == 1501
