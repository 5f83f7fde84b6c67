"""Two collectors on one PostgreSQL share the nodes' messages; one is killed and stays away."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import Engine, select

from collector.database.database import reading
from collector.database.tables import message
from collector.ledger.ledger import Ledger
from collector.registry.registry import Registry, Site
from deploy.demo_folder import Table, toml
from sensor.contract import topics
from sensor.contract.codec import decode_ack
from sensor.contract.messages import Message
from tests.peers import Broker, FakeNode, event, free_port, health, levels, register_all, wait_for
from tests.postgres import Cluster

START = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)
NODES = 200
EACH = 20
RESEND_S = 3.0

_NUMBERS = select(message.c.node, message.c.seq)


@pytest.fixture
def database_url(postgresql: Cluster) -> str:
    """An empty PostgreSQL."""
    return postgresql.new_database()


@contextmanager
def collector(folder: Path, name: str, url: str, broker: Broker) -> Iterator[int]:
    """The product's own service as a member of the group; gives its process."""
    path = folder / f"{name}.toml"
    tables: dict[str, Table] = {
        "": {"ledger": url},
        "broker": {"port": broker.port, "client_id": name, "share": "skolro"},
        "http": {"port": free_port()},
    }
    path.write_text(toml(tables), encoding="utf-8")
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "skolro", "collector", "serve", "--config", str(path)],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        wait_for(lambda: f" as {name} " in broker.log(), 30, f"{name} does not come")
        yield process.pid
    finally:
        process.kill()
        process.wait(10)


class Crowd:
    """Nodes that share the first one's connection.

    Each sends again what no ``ack`` covers, as a node does.
    """

    def __init__(self, nodes: list[FakeNode]) -> None:
        self.nodes = nodes
        self.acked = Counter({node.name: 0 for node in nodes})
        self._sent = {
            node.name: [node.signed(_minute(node.name, number)) for number in range(EACH)]
            for node in nodes
        }

    @contextmanager
    def online(self, broker: Broker) -> Iterator[None]:
        """While they are connected and hear acks."""
        self.nodes[0].connect(broker.host, broker.port)
        subscribed = threading.Event()
        listener = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        listener.on_message = self._on_message
        listener.on_subscribe = lambda *_: subscribed.set()
        listener.connect(broker.host, broker.port)
        listener.subscribe(topics.topic("+", topics.ACK))
        listener.loop_start()
        assert subscribed.wait(10)
        try:
            yield
        finally:
            listener.disconnect()
            listener.loop_stop()
            self.nodes[0].close()

    def send(self, last: int) -> None:
        """Send what no ``ack`` covers up to that number, the nodes taking turns."""
        for seq in range(1, last + 1):
            for name, messages in self._sent.items():
                if self.acked[name] < seq:
                    self.nodes[0].publish(messages[seq - 1])

    def insist(self, last: int, timeout_s: float) -> int:
        """Send again every few seconds until all is acknowledged; return how often it took."""
        deadline = time.monotonic() + timeout_s
        rounds = 0
        while not self._is_acked(last, RESEND_S):
            assert time.monotonic() < deadline, f"no ack of {last}: {self.acked}"
            self.send(last)
            rounds += 1
        return rounds

    def _is_acked(self, last: int, within_s: float) -> bool:
        deadline = time.monotonic() + within_s
        while min(self.acked.values()) < last and time.monotonic() < deadline:
            time.sleep(0.02)
        return min(self.acked.values()) >= last

    def _on_message(self, _client: Any, _data: Any, received: mqtt.MQTTMessage) -> None:
        name = received.topic.split("/")[2]
        # The acks of two collectors may overtake each other.
        self.acked[name] = max(self.acked[name], decode_ack(bytes(received.payload)).seq)


def _minute(node: str, number: int) -> Message:
    at = START + timedelta(minutes=number)
    if number % 5 == 0:
        return health(node, at)
    return event(node, at) if number % 5 == 1 else levels(node, at)


def test_one_is_killed_while_200_nodes_send(tmp_path: Path, engine: Engine, broker: Broker) -> None:
    ledger = Ledger(engine, Registry(engine))
    ledger.registry.add_site(Site(id="ekskolan", name="Ekskolan"))
    nodes = [FakeNode(f"node-{number}") for number in range(NODES)]
    register_all(engine, nodes, ["ekskolan"] * len(nodes), START)
    url = engine.url.render_as_string()
    crowd = Crowd(nodes)
    with ExitStack() as stack:
        killed = stack.enter_context(collector(tmp_path, "one", url, broker))
        stack.enter_context(collector(tmp_path, "two", url, broker))
        stack.enter_context(crowd.online(broker))
        crowd.send(EACH)
        wait_for(lambda: ledger.counts().messages > NODES * EACH // 8, 60, "the first ones")
        os.kill(killed, signal.SIGKILL)
        assert ledger.counts().messages < NODES * EACH, "it was killed too late"
        crowd.insist(EACH, timeout_s=60)
    taken = Counter(re.findall(r"Sending PUBLISH to (one|two) ", broker.log()))
    assert min(taken["one"], taken["two"]) > NODES, "one of them had nothing to do"
    with reading(engine) as connection:
        stored = Counter(tuple(row) for row in connection.execute(_NUMBERS))
    assert stored == Counter((node.name, seq) for node in nodes for seq in range(1, EACH + 1))
    found = ledger.check()
    assert found.holds, found
    assert ledger.counts().quarantined == 0
    # Each was told how far it really is, and no further.
    assert set(crowd.acked.values()) == {EACH}
    assert set(ledger.acked_seqs(node.name for node in nodes).values()) == {EACH}
