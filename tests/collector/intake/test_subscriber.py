"""The subscriber with a real broker: stores, confirms, shows who is there, survives losses."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from collector import config
from collector.database.database import open_database, writing
from collector.errors import BrokerError
from collector.intake.live import LiveReadings
from collector.intake.subscriber import Subscriber
from collector.ledger.ledger import Ledger
from collector.registry.registry import Registry
from sensor.contract.messages import Live
from tests.peers import Broker, FakeNode, event, free_port, levels, wait_for

START = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)


@pytest.fixture
def live() -> LiveReadings:
    """Nothing yet."""
    return LiveReadings()


@pytest.fixture
def subscriber(broker: Broker, ledger: Ledger, live: LiveReadings) -> Iterator[Subscriber]:
    """A subscriber at work."""
    started = Subscriber(config.Broker(port=broker.port), ledger, live)
    started.start()
    yield started
    started.stop()


@pytest.fixture
def node(registry: Registry, broker: Broker) -> Iterator[FakeNode]:
    """A registered node, connected to the broker."""
    made = FakeNode("ekskolan-1")
    made.register(registry, "ekskolan", START)
    made.connect(broker.host, broker.port)
    yield made
    made.close()


def test_stores_and_confirms(subscriber: Subscriber, ledger: Ledger, node: FakeNode) -> None:
    sent = [node.signed(event(node.name, START + timedelta(minutes=i))) for i in range(20)]
    for received in sent:
        node.publish(received)
    node.expect_ack(20)
    assert [stored.payload for stored in ledger.after(0, 100)] == [one.payload for one in sent]
    assert subscriber.is_connected
    wait_for(lambda: subscriber.lag == 0)
    assert (subscriber.trouble, subscriber.failure) == (None, None)


def test_confirms_again_what_is_sent_again(subscriber: Subscriber, node: FakeNode) -> None:
    received = node.signed(event(node.name, START))
    node.publish(received)
    node.expect_ack(1)
    node.acks.clear()
    node.publish(received)
    node.expect_ack(1)


def test_bad_messages_go_to_quarantine_and_block_nobody(
    subscriber: Subscriber, ledger: Ledger, node: FakeNode
) -> None:
    good = node.signed(event(node.name, START))
    node.publish(replace(good, signature=None))
    node.publish(replace(good, topic="skolro/v1/nobody/event"))
    node.publish(replace(good, payload=b"\xff\xfe"))
    node.publish(replace(good, payload=b"x" * 100_000))
    node.say(b"maybe")
    node.publish(good)
    node.expect_ack(1)
    wait_for(lambda: ledger.counts().quarantined == 5)
    reasons = sorted(item.reason for item in ledger.quarantined())
    assert reasons == ["forged", "oversized", "undecodable", "unknown_node", "unsigned"]
    assert ledger.counts().messages == 1


def test_shows_who_is_there(subscriber: Subscriber, ledger: Ledger, node: FakeNode) -> None:
    def online() -> bool | None:
        state = ledger.node_states().get(node.name)
        return None if state is None else state.online

    wait_for(online, what="online")
    node.vanish()
    wait_for(lambda: online() is False, what="offline")


def test_a_node_that_comes_back_learns_how_far_the_ledger_is(
    subscriber: Subscriber, ledger: Ledger, node: FakeNode
) -> None:
    ledger.append([node.signed(levels(node.name, START))])
    node.say(b"online")
    node.expect_ack(1)


def test_live_readings_are_shown_and_not_stored(
    subscriber: Subscriber, ledger: Ledger, live: LiveReadings, node: FakeNode
) -> None:
    reading = Live(node=node.name, time=START, lafmax_db=51.5, laeq_db=50.0)
    with live.listen() as listener:
        node.publish_live(replace_node(reading, "another"))
        node.publish_live(reading)
        assert listener.get(timeout_s=5) == reading
    assert live.all() == {node.name: reading}
    assert live.latest("another") is None
    assert ledger.counts().messages == 0


def replace_node(live: Live, node: str) -> Live:
    """A reading that claims to be of another node than its topic says."""
    return Live(node=node, time=live.time, lafmax_db=live.lafmax_db, laeq_db=live.laeq_db)


def test_a_broker_that_restarts_and_forgets(
    subscriber: Subscriber, ledger: Ledger, broker: Broker, node: FakeNode
) -> None:
    node.publish(node.signed(levels(node.name, START)))
    node.expect_ack(1)
    broker.kill()
    wait_for(lambda: not subscriber.is_connected)
    broker.start()
    wait_for(lambda: subscriber.is_connected, 20)
    node.close()
    node.connect(broker.host, broker.port)
    node.publish(node.signed(levels(node.name, START + timedelta(minutes=1))))
    node.expect_ack(2)


def test_a_locked_ledger_is_waited_for_and_nothing_confirmed_meanwhile(
    broker: Broker, database_url: str, node: FakeNode, caplog: pytest.LogCaptureFixture
) -> None:
    engine = open_database(database_url, busy_timeout_s=0.1)
    holder = open_database(database_url)
    subscriber = Subscriber(
        config.Broker(port=broker.port), Ledger(engine, Registry(engine)), LiveReadings()
    )
    subscriber.start()
    node.publish(node.signed(levels(node.name, START)))
    node.expect_ack(1)
    with caplog.at_level(logging.WARNING):
        with writing(holder):
            node.publish(node.signed(levels(node.name, START + timedelta(minutes=1))))
            wait_for(lambda: subscriber.trouble)
            assert subscriber.lag == 1
            assert max(node.acks) == 1
        node.expect_ack(2)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert said[0].startswith("nothing is acknowledged until the ledger can store")
    assert "another program" in said[0]
    assert said[1].startswith("the ledger stores again")
    subscriber.stop()
    engine.dispose()
    holder.dispose()


def test_stop_keeps_what_comes_afterwards_at_the_broker(
    broker: Broker, ledger: Ledger, node: FakeNode
) -> None:
    first = Subscriber(config.Broker(port=broker.port), ledger, LiveReadings())
    first.start()
    first.stop()
    assert not first.is_connected
    node.publish(node.signed(levels(node.name, START)))
    second = Subscriber(config.Broker(port=broker.port), ledger, LiveReadings())
    second.start()
    node.expect_ack(1)
    second.stop()


def test_two_collectors_share_the_messages(broker: Broker, ledger: Ledger, node: FakeNode) -> None:
    both = [
        Subscriber(
            config.Broker(port=broker.port, client_id=name, share="skolro"), ledger, LiveReadings()
        )
        for name in ("one", "two")
    ]
    for subscriber in both:
        subscriber.start()
    for i in range(200):
        node.publish(node.signed(levels(node.name, START + timedelta(minutes=i), count=1)))
    node.expect_ack(200)
    assert ledger.counts().messages == 200
    for subscriber in both:
        subscriber.stop()


def test_no_broker_is_one_sentence(ledger: Ledger) -> None:
    port = free_port()
    subscriber = Subscriber(config.Broker(port=port), ledger, LiveReadings())
    with pytest.raises(BrokerError, match=rf"no MQTT broker answers at 127.0.0.1:{port} \(.*start"):
        subscriber.start()


def test_a_broker_that_refuses_us_is_one_sentence(ledger: Ledger) -> None:
    with Broker(anonymous=False) as closed:
        subscriber = Subscriber(config.Broker(port=closed.port), ledger, LiveReadings())
        with pytest.raises(BrokerError, match=r"does not let the collector in \(Not authorized\)"):
            subscriber.start()
