from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from collector.config import Broker as CollectorBroker
from collector.database.database import open_database
from collector.intake.live import LiveReadings
from collector.intake.subscriber import Subscriber
from collector.ledger.ledger import Ledger, Received
from collector.registry.registry import Registry, Site
from sensor.config import Broker as BrokerConfig
from sensor.contract import codec, topics
from sensor.contract.messages import Ack, Live
from sensor.contract.signature import public_key_text, verify
from sensor.errors import BrokerError
from sensor.identity import load_or_make_key, make_next_key
from sensor.outbox import Outbox, Retention
from sensor.publisher import WINDOW, Publisher
from tests.peers import Broker, event, free_port, levels, wait_for
from tests.sensor.contract.samples import KEY, NODE, TIME, samples

EVENT = samples()["event"]


class Listener:
    """Receives what a node publishes, and acknowledges as far as it is told to."""

    def __init__(self, broker: Broker, *, acks: bool = True) -> None:
        self.acks = acks
        self.seqs: list[int] = []
        self.status: list[bytes] = []
        self.live: list[bytes] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.on_message = self._on_message
        self._client.on_connect = lambda client, *_: client.subscribe(topics.subscriptions())
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        kind, payload = topics.parse(message.topic).kind, bytes(message.payload)
        if kind == topics.STATUS:
            self.status.append(payload)
        elif kind == topics.LIVE:
            self.live.append(payload)
        else:
            pairs: list[tuple[str, str]] = getattr(message.properties, "UserProperty", [])
            ((name, signature),) = pairs
            assert name == "sig"
            verify(payload, signature, KEY.public_key())
            self.seqs.append(codec.decode(payload).seq)
            if self.acks:
                self.ack(self.seqs[-1])

    def ack(self, seq: int, missing: tuple[tuple[int, int], ...] = ()) -> None:
        name = topics.topic(NODE, topics.ACK)
        self._client.publish(name, codec.encode_ack(Ack(seq=seq, missing=missing)), qos=1)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with Outbox(tmp_path / "outbox.sqlite", NODE, KEY) as opened:
        yield opened


@pytest.fixture
def listener(broker: Broker) -> Iterator[Listener]:
    opened = Listener(broker)
    yield opened
    opened.close()


def started(outbox: Outbox, broker: Broker, resend_s: float = 0.5) -> Publisher:
    publisher = Publisher(outbox, BrokerConfig(broker.host, broker.port), resend_s)
    publisher.start(may_be_away=False)
    return publisher


def test_what_waits_and_what_comes_leaves_in_order_until_acknowledged(
    outbox: Outbox, broker: Broker, listener: Listener
) -> None:
    outbox.append_all([EVENT] * 300)
    # Patient, since on a busy machine the ack may stand still for a while.
    publisher = started(outbox, broker, resend_s=60)
    outbox.append_all([EVENT] * 300)
    publisher.wake()
    wait_for(lambda: outbox.depth == 0, timeout_s=60, what="the outbox is not empty")
    publisher.stop()
    assert listener.seqs == list(range(1, 601))


def test_nothing_leaves_the_outbox_without_the_collectors_ack(
    outbox: Outbox, broker: Broker, listener: Listener
) -> None:
    listener.acks = False
    outbox.append_all([EVENT] * 3)
    publisher = started(outbox, broker)
    wait_for(lambda: listener.seqs[:3] == [1, 2, 3])
    assert outbox.depth == 3
    listener.ack(2)
    wait_for(lambda: outbox.depth == 1)
    publisher.stop(drain_s=0)


def test_what_the_broker_has_lost_is_sent_again(
    outbox: Outbox, broker: Broker, listener: Listener
) -> None:
    listener.acks = False
    outbox.append_all([EVENT] * 20)
    publisher = started(outbox, broker)
    wait_for(lambda: len(listener.seqs) >= 20)
    # As though nothing had ever arrived: from now on everything is acknowledged.
    listener.seqs.clear()
    listener.acks = True
    wait_for(lambda: outbox.depth == 0, what="the rest was not sent again")
    publisher.stop()
    assert sorted(set(listener.seqs)) == list(range(1, 21))


def test_an_absent_collector_is_asked_ever_more_rarely(
    outbox: Outbox, broker: Broker, listener: Listener
) -> None:
    listener.acks = False
    outbox.append_all([EVENT] * 50)
    publisher = started(outbox, broker, resend_s=0.1)
    wait_for(lambda: listener.seqs.count(1) >= 4)
    publisher.stop(drain_s=0)
    # All once, then only the oldest again, never the whole window.
    assert listener.seqs.count(2) == 1


def test_a_broker_that_comes_back_gets_what_was_measured_meanwhile(outbox: Outbox) -> None:
    with Broker() as broker:
        listener = Listener(broker)
        publisher = started(outbox, broker)
        outbox.append(EVENT)
        wait_for(lambda: outbox.acked_seq == 1)
        broker.kill()
        wait_for(lambda: not publisher.connected)
        outbox.append_all([EVENT] * 5)
        broker.start()
        wait_for(lambda: outbox.acked_seq == 6, timeout_s=20, what="nothing came after the outage")
        publisher.stop()
        listener.close()


def test_status_is_online_then_offline_and_live_readings_pass(
    outbox: Outbox, broker: Broker, listener: Listener
) -> None:
    publisher = started(outbox, broker)
    wait_for(lambda: listener.status == [topics.ONLINE])
    publisher.publish_live(Live(node=NODE, time=TIME, laeq_db=50.0, lafmax_db=55.5))
    wait_for(lambda: len(listener.live) == 1)
    publisher.stop()
    wait_for(lambda: listener.status == [topics.ONLINE, topics.OFFLINE])


def test_an_ack_that_is_none_is_ignored(outbox: Outbox, broker: Broker, listener: Listener) -> None:
    listener.acks = False
    outbox.append(EVENT)
    publisher = started(outbox, broker)
    wait_for(lambda: listener.seqs == [1])
    listener._client.publish(topics.topic(NODE, topics.ACK), b"{nonsense", qos=1)
    listener.ack(999)
    listener.ack(1)
    wait_for(lambda: outbox.depth == 0)
    publisher.stop()


def test_an_ack_that_falls_back_and_stays_there_makes_it_send_again(
    outbox: Outbox, broker: Broker, listener: Listener
) -> None:
    outbox.append_all([EVENT] * 20)
    publisher = started(outbox, broker)
    wait_for(lambda: outbox.held_seq == 20)
    listener.seqs.clear()
    listener.ack(12)
    wait_for(lambda: outbox.depth == 0 and listener.seqs, what="nothing was sent again")
    publisher.stop()
    assert listener.seqs == list(range(13, 21))


def test_an_ack_that_was_overtaken_by_a_later_one_does_no_harm(
    outbox: Outbox, broker: Broker, listener: Listener
) -> None:
    outbox.append_all([EVENT] * 20)
    publisher = started(outbox, broker, resend_s=30.0)
    wait_for(lambda: outbox.held_seq == 20)
    listener.seqs.clear()
    # Fresh progress, then the acks of two collectors in the wrong order.
    outbox.append(EVENT)
    publisher.wake()
    wait_for(lambda: outbox.held_seq == 21)
    listener.ack(15)
    wait_for(lambda: outbox.held_seq == 15)
    listener.ack(21)
    wait_for(lambda: outbox.held_seq == 21)
    publisher.stop()
    assert listener.seqs == [21]


class Server:
    """A collector on an SQLite file that can be backed up and restored."""

    def __init__(self, broker: Broker, path: Path) -> None:
        self.path = path
        self._broker = CollectorBroker(host=broker.host, port=broker.port)
        self.start()
        self.ledger.registry.add_site(Site(id="ekskolan", name="Ekskolan"))
        self.ledger.registry.add_node(NODE, "ekskolan", public_key_text(KEY.public_key()), TIME)

    def start(self) -> None:
        self._engine = open_database(f"sqlite:///{self.path}")
        self.ledger = Ledger(self._engine, Registry(self._engine))
        self._subscriber = Subscriber(self._broker, self.ledger, LiveReadings())
        self._subscriber.start()

    def stop(self) -> None:
        self._subscriber.stop()
        self._engine.dispose()

    def back_up(self, to: Path) -> None:
        with closing(sqlite3.connect(self.path)) as here, closing(sqlite3.connect(to)) as there:
            here.backup(there)

    def restore(self, backup: Path) -> None:
        self.stop()
        for path in self.path.parent.glob(f"{self.path.name}*"):
            path.unlink()
        backup.rename(self.path)
        self.start()

    @property
    def seqs(self) -> list[int]:
        stored = self.ledger.after(0, 10_000)
        return sorted(codec.decode(one.payload).seq for one in stored)


@pytest.fixture
def server(broker: Broker, tmp_path: Path) -> Iterator[Server]:
    opened = Server(broker, tmp_path / "ledger.sqlite")
    yield opened
    opened.stop()


def test_a_collector_restored_from_an_older_backup_gets_what_it_misses(
    outbox: Outbox, broker: Broker, server: Server, tmp_path: Path
) -> None:
    publisher = started(outbox, broker)
    outbox.append_all([EVENT] * 60)
    wait_for(lambda: outbox.held_seq == 60)
    server.back_up(tmp_path / "backup")
    outbox.append_all([EVENT] * 640)
    wait_for(lambda: outbox.held_seq == 700)
    before = [one.payload for one in server.ledger.after(0, 10_000)]
    server.restore(tmp_path / "backup")
    assert server.seqs[-1] == 60
    outbox.append_all([EVENT] * 20)
    wait_for(lambda: outbox.held_seq == 720, timeout_s=20, what="the collector still misses some")
    publisher.stop()
    assert server.seqs == list(range(1, 721))
    assert {one.payload for one in server.ledger.after(0, 10_000)} >= set(before)
    state = server.ledger.node_states()[NODE]
    assert (state.acked_seq, state.chain_breaks) == (720, 0)
    assert server.ledger.counts().quarantined == 0


def test_what_a_restored_collector_misses_and_nobody_has_is_told_to_be_lost(
    broker: Broker, server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "short.sqlite"
    with Outbox(path, NODE, KEY, Retention(max_bytes=0)) as outbox:
        publisher = started(outbox, broker)
        outbox.append_all([EVENT] * 10)
        wait_for(lambda: outbox.held_seq == 10)
        server.back_up(tmp_path / "backup")
        outbox.append_all([EVENT] * 10)
        wait_for(lambda: outbox.held_seq == 20)
        server.restore(tmp_path / "backup")
        wait_for(lambda: outbox.held_seq == 10)
        # More than may be on their way before an ack moves.
        outbox.append_all([EVENT] * (WINDOW + 200))
        wait_for(lambda: outbox.depth == 0, timeout_s=30, what="new messages stand still")
        last = outbox.last_seq
        publisher.stop()
    state = server.ledger.node_states()[NODE]
    assert (state.acked_seq, state.lost, state.missing) == (last, 10, 0)
    assert server.ledger.check().holds
    assert "misses 10 messages that are no longer kept here" in caplog.text


def test_a_node_that_has_lost_its_memory_goes_on_where_the_collector_stands(
    broker: Broker, server: Server, tmp_path: Path
) -> None:
    with Outbox(tmp_path / "first.sqlite", NODE, KEY) as outbox:
        publisher = started(outbox, broker)
        outbox.append_all([EVENT] * 30)
        wait_for(lambda: outbox.held_seq == 30)
        publisher.stop()
    with Outbox(tmp_path / "new.sqlite", NODE, KEY) as outbox:
        outbox.append_all([EVENT] * 5)
        publisher = started(outbox, broker)
        wait_for(lambda: outbox.held_seq == 35, what="the node does not go on")
        publisher.stop()
    assert server.seqs == list(range(1, 36))
    state = server.ledger.node_states()[NODE]
    assert (state.chain_breaks, state.forks) == (0, 0)
    assert server.ledger.counts().quarantined == 0


def test_what_had_gone_when_the_memory_was_lost_is_told_to_be_lost(
    broker: Broker, server: Server, tmp_path: Path
) -> None:
    with Outbox(tmp_path / "first.sqlite", NODE, KEY) as outbox:
        outbox.append_all([EVENT] * 9)
        received = [
            Received(topics.topic(NODE, one.kind), one.payload, one.signature, TIME)
            for one in outbox.pending()
        ]
    # The broker had lost some, and the node's disk is dead before it could send them again.
    server.ledger.append([*received[:3], *received[6:]])
    with Outbox(tmp_path / "new.sqlite", NODE, KEY) as outbox:
        outbox.append_all([EVENT] * 5)
        publisher = started(outbox, broker)
        wait_for(lambda: outbox.depth == 0, timeout_s=20, what="the gap is never closed")
        publisher.stop()
    state = server.ledger.node_states()[NODE]
    assert (state.lost, state.missing, state.forks) == (3, 0, 0)
    assert server.ledger.check().holds


def test_what_was_thinned_during_an_outage_arrives_as_minutes(
    broker: Broker, server: Server, tmp_path: Path
) -> None:
    with Outbox(tmp_path / "o.sqlite", NODE, KEY, Retention(max_bytes=200_000)) as outbox:
        for i in range(400):
            at = TIME + timedelta(minutes=i)
            outbox.append(levels(NODE, at) if i % 10 else event(NODE, at))
        publisher = started(outbox, broker)
        wait_for(lambda: outbox.depth == 0, timeout_s=20, what="the hole is never closed")
        last = outbox.last_seq
        publisher.stop()
    state = server.ledger.node_states()[NODE]
    assert (state.acked_seq, state.missing, state.chain_breaks) == (last, 0, 0)
    assert state.thinned > 100
    assert server.ledger.count_events() == 40
    assert sum(hour.valid_s for hour in server.ledger.level_hours()) == 360 * 60
    assert server.ledger.check().holds
    assert server.ledger.counts().quarantined == 0


def test_a_key_is_changed_while_messages_flow(
    broker: Broker, server: Server, tmp_path: Path
) -> None:
    key = load_or_make_key(tmp_path)
    server.ledger.registry.add_key(NODE, public_key_text(key.public_key()))
    with Outbox(tmp_path / "o.sqlite", NODE, key) as outbox:
        publisher = started(outbox, broker)
        for _ in range(3):
            outbox.append_all([EVENT] * 40)
            outbox.rotate(make_next_key(tmp_path))
            outbox.append_all([EVENT] * 40)
            publisher.wake()
        wait_for(lambda: outbox.held_seq == 243, timeout_s=20)
        publisher.stop()
    assert server.ledger.counts().quarantined == 0
    assert server.ledger.check().holds
    # The one it was registered with, the one it began with here, and three that followed.
    assert len(server.ledger.registry.keys_of(NODE)) == 5


def test_just_what_a_collector_asks_for_is_sent_again(
    outbox: Outbox, broker: Broker, listener: Listener
) -> None:
    listener.acks = False
    outbox.append_all([EVENT] * 6)
    publisher = started(outbox, broker, resend_s=30.0)
    wait_for(lambda: listener.seqs == [1, 2, 3, 4, 5, 6])
    listener.ack(2)
    wait_for(lambda: outbox.held_seq == 2)
    listener.ack(2, missing=((3, 3), (5, 5)))
    wait_for(lambda: len(listener.seqs) >= 8)
    # However often it asks: not more than once in a while.
    listener.ack(2, missing=((3, 3), (5, 5)))
    listener.ack(6)
    wait_for(lambda: outbox.depth == 0)
    publisher.stop()
    assert listener.seqs == [1, 2, 3, 4, 5, 6, 3, 5]


def test_no_broker_is_said_in_one_sentence(outbox: Outbox) -> None:
    port = free_port()
    publisher = Publisher(outbox, BrokerConfig("127.0.0.1", port))
    with pytest.raises(BrokerError, match=f"no MQTT broker answers at 127.0.0.1:{port}"):
        publisher.start(may_be_away=False)


def test_a_broker_that_may_be_away_is_waited_for(outbox: Outbox) -> None:
    broker = Broker()
    publisher = Publisher(outbox, BrokerConfig(broker.host, broker.port))
    publisher.start(may_be_away=True)
    outbox.append(EVENT)
    with broker:
        listener = Listener(broker)
        wait_for(lambda: outbox.acked_seq == 1, timeout_s=20)
        publisher.stop()
        listener.close()
