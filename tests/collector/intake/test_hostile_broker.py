"""Hostile packets through a real broker: the collector stays, and misses nothing of the others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector import config
from collector.intake.live import LiveReadings
from collector.intake.subscriber import Subscriber
from collector.ledger.ledger import Ledger
from collector.registry.registry import Registry
from sensor.contract import topics
from sensor.contract.codec import KINDS, MAX_PAYLOAD_BYTES
from tests.collector.conftest import ONLY_SQLITE
from tests.fuzz.mutation import SCRAPS, changed_json
from tests.peers import Broker, FakeNode, event, wait_for
from tests.raw_mqtt import (
    ACCEPTED,
    CONTENT_TYPE,
    CORRELATION,
    RESPONSE_TOPIC,
    RawPublisher,
    text,
    user_property,
)

START: Final = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)
MARK: Final = "\ufeff".encode()

pytestmark = ONLY_SQLITE


@pytest.fixture
def node(registry: Registry, broker: Broker) -> Iterator[FakeNode]:
    """A registered node, connected to the broker."""
    made = FakeNode("ekskolan-1")
    made.register(registry, "ekskolan", START)
    made.connect(broker.host, broker.port)
    yield made
    made.close()


@pytest.fixture
def subscriber(broker: Broker, ledger: Ledger) -> Iterator[Subscriber]:
    """A subscriber at work."""
    started = Subscriber(config.Broker(port=broker.port), ledger, LiveReadings())
    started.start()
    yield started
    started.stop()


@pytest.fixture
def publisher(broker: Broker) -> Iterator[RawPublisher]:
    """Somebody who may publish, and does it his own way."""
    with RawPublisher(broker.host, broker.port) as connected:
        yield connected


@pytest.mark.parametrize(
    "properties",
    [
        user_property(b"name", MARK),
        user_property(MARK, b"value"),
        user_property(b"sig", MARK + b"eyJ..AA"),
        bytes([CONTENT_TYPE]) + text(MARK),
        bytes([RESPONSE_TOPIC]) + text(b"skolro/v1/" + MARK),
        bytes([CORRELATION]) + text(b"\0\xff\xfe"),
        user_property(b"sig", b"x" * 65_000),
        user_property(b"sig", b"a") * 1000,
    ],
    ids=["value", "name", "signature", "content type", "response topic", "binary", "long", "many"],
)
def test_no_property_shuts_the_collector_out(
    subscriber: Subscriber, ledger: Ledger, node: FakeNode, publisher: RawPublisher,
    properties: bytes,
) -> None:  # fmt: skip
    topic = topics.topic(node.name, "event").encode()
    assert publisher.publish(topic, b"{}", properties) == ACCEPTED
    node.publish(node.signed(event(node.name, START)))
    node.expect_ack(1)
    assert subscriber.is_connected
    assert ledger.counts().quarantined == 1


def test_what_was_sent_while_the_collector_was_away_does_not_keep_it_away(
    broker: Broker, ledger: Ledger, node: FakeNode, publisher: RawPublisher
) -> None:
    for _ in range(2):
        subscriber = Subscriber(config.Broker(port=broker.port), ledger, LiveReadings())
        subscriber.start()
        subscriber.stop()
        publisher.publish(b"skolro/v1/x/event", b"", user_property(b"name", MARK))
    again = Subscriber(config.Broker(port=broker.port), ledger, LiveReadings())
    again.start()
    node.publish(node.signed(event(node.name, START)))
    node.expect_ack(1)
    again.stop()
    assert [item.count for item in ledger.quarantined()] == [2]


_names = st.sampled_from([b"ekskolan-1", b"nobody", b"EKSKOLAN", b"-", MARK, "å".encode()])
_kinds = st.sampled_from([kind.encode() for kind in (*KINDS, topics.STATUS, topics.LIVE)])
_topics = st.one_of(
    st.builds(lambda node, kind: b"skolro/v1/" + node + b"/" + kind, _names, _kinds),
    st.binary(max_size=40),
    st.text(max_size=20).map(str.encode),
)
_strings = st.one_of(st.text(max_size=20).map(str.encode), st.binary(max_size=20), st.just(MARK))
_properties = st.one_of(
    st.builds(user_property, st.just(b"sig") | _strings, _strings),
    st.builds(lambda value: bytes([CONTENT_TYPE]) + text(value), _strings),
    st.builds(lambda value: bytes([RESPONSE_TOPIC]) + text(value), _strings),
    st.builds(lambda value: bytes([CORRELATION]) + text(value), _strings),
    st.binary(max_size=12),
)
_sizes = st.sampled_from([MAX_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES + 1, 2**20])
_bulks = st.builds(lambda scrap, size: (scrap * size)[:size], st.sampled_from(SCRAPS), _sizes)


def test_each_packet_that_the_broker_takes_is_counted(
    subscriber: Subscriber, ledger: Ledger, node: FakeNode, publisher: RawPublisher
) -> None:
    good = node.signed(event(node.name, START))
    changed = st.randoms(use_true_random=False).map(
        lambda random: changed_json(good.payload, random)
    )
    taken = 0

    @settings(
        max_examples=120,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
    )
    @given(
        _topics,
        changed | st.binary(max_size=200) | _bulks | st.sampled_from([b"online", b"offline"]),
        st.lists(_properties, max_size=3).map(b"".join),
    )
    def publish(topic: bytes, payload: bytes, properties: bytes) -> None:
        nonlocal taken
        answer = publisher.publish(topic, payload, properties)
        taken += answer == ACCEPTED and _is_counted(topic, payload)

    publish()
    node.publish(good)
    node.expect_ack(1)
    wait_for(lambda: subscriber.lag == 0)
    counts = ledger.counts()
    assert (counts.messages, counts.quarantined) == (1, taken)
    assert subscriber.is_connected
    assert (subscriber.failure, subscriber.trouble) == (None, None)
    assert ledger.check().holds


def _is_counted(topic: bytes, payload: bytes) -> bool:
    """Whether it cannot be anything else than refused, of all that is subscribed to."""
    _, _, kind = topic.rpartition(b"/")
    if kind == topics.STATUS.encode():
        return payload not in {b"online", b"offline"} or b"/ekskolan-1/" not in topic
    return kind != topics.LIVE.encode()
