"""Only what a node of ours made gets in; all else is refused for the right reason."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from collector.ledger.ledger import Ledger, Received
from collector.ledger.verification import Refused, Verified, examine
from collector.registry.inventory import Inventory, Node, NodeKey
from collector.registry.registry import Registry
from sensor.contract import codec
from sensor.contract.messages import placed
from sensor.contract.signature import key_id, sign
from tests.peers import FakeNode, event, levels

START = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)
NODE, OTHER = FakeNode("ekskolan-1"), FakeNode("ekskolan-2")
GOOD = FakeNode("ekskolan-1").signed(event(NODE.name, START), received_at=START)


def inventory(revoked_at: datetime | None = None) -> Inventory:
    """Both nodes are known."""
    keys = [
        NodeKey.from_text(node.name, node.public_key_text, START, revoked_at)
        for node in (NODE, OTHER)
    ]
    return Inventory(
        version=1, sites={}, nodes={node.name: Node(id=node.name) for node in (NODE, OTHER)},
        placements={}, keys={key.kid: key for key in keys}, speed_limits=(), guidelines=(),
    )  # fmt: skip


def signed(payload: bytes, topic: str = GOOD.topic, by: FakeNode = NODE) -> Received:
    """Any bytes, signed."""
    return Received(topic, payload, sign(payload, by.key), START)


def test_a_good_message_is_let_in() -> None:
    found = examine(GOOD, inventory())
    assert isinstance(found, Verified)
    assert found.message.node == NODE.name
    assert found.start == START


BAD: dict[str, Callable[[], Received]] = {
    "wrong_topic": lambda: replace(GOOD, topic="skolro/v1/ekskolan-1/secret"),
    "oversized": lambda: signed(b" " * (codec.MAX_PAYLOAD_BYTES + 1)),
    "unknown_node": lambda: FakeNode("nobody").signed(event("nobody", START)),
    "unsigned": lambda: replace(GOOD, signature=None),
    "unknown_key": lambda: signed(GOOD.payload, by=OTHER),
    "forged": lambda: replace(GOOD, payload=GOOD.payload.replace(b"82.0", b"92.0")),
    "undecodable": lambda: signed(b'{"v":1}'),
    "wrong_kind": lambda: replace(GOOD, topic="skolro/v1/ekskolan-1/levels"),
    "wrong_node": lambda: signed(codec.encode(placed(event(OTHER.name, START), 1, "0" * 64))),
}


@pytest.mark.parametrize("reason", BAD)
def test_each_reason(reason: str) -> None:
    found = examine(BAD[reason](), inventory())
    assert isinstance(found, Refused)
    assert (found.reason, bool(found.detail)) == (reason, True)


@pytest.mark.parametrize("signature", ["", "x", "..", "e30..", "a..b..c", "ö..ö", GOOD.topic])
def test_a_malformed_signature_is_refused(signature: str) -> None:
    found = examine(replace(GOOD, signature=signature), inventory())
    assert isinstance(found, Refused)
    assert found.reason in {"unsigned", "forged"}


def test_live_and_status_are_not_stored() -> None:
    found = examine(replace(GOOD, topic="skolro/v1/ekskolan-1/live"), inventory())
    assert isinstance(found, Refused)
    assert found.reason == "wrong_topic"


def test_a_revoked_key_is_refused_from_then_on() -> None:
    later = inventory(revoked_at=START + timedelta(hours=1))
    assert isinstance(examine(GOOD, later), Verified)
    found = examine(replace(GOOD, received_at=START + timedelta(hours=1)), later)
    assert isinstance(found, Refused)
    assert found.reason == "revoked_key"


@settings(deadline=None, max_examples=100)
@given(payload=st.binary(max_size=300), topic=st.text(max_size=60), signature=st.text(max_size=60))
def test_any_bytes_are_refused_without_a_crash(payload: bytes, topic: str, signature: str) -> None:
    known = inventory()
    for received in (
        Received(topic, payload, signature, START),
        Received(GOOD.topic, payload, signature, START),
        signed(payload),
    ):
        assert isinstance(examine(received, known), Refused)


def test_quarantine_counts_repetitions(ledger: Ledger, registry: Registry) -> None:
    NODE.register(registry, "ekskolan", START)
    bad = replace(GOOD, signature=None)
    ledger.append([bad, bad])
    ledger.append([replace(bad, received_at=START + timedelta(days=1))])
    (item,) = ledger.quarantined()
    assert (item.count, item.reason, item.topic) == (3, "unsigned", GOOD.topic)
    assert (item.received_at, item.last_received_at) == (START, START + timedelta(days=1))
    assert ledger.counts().quarantined == 3
    assert ledger.quarantined_item(item.id) == item


def test_quarantine_takes_any_text_and_size(ledger: Ledger) -> None:
    ledger.append(
        [
            Received("a\0b\ud800" * 200, b"\xff" * 200_000, "\0\udfff" * 2000, START),
            Received("skolro/v1/x/levels", b"", "e30..", START),
        ]
    )
    newest = {item.size: item for item in ledger.quarantined()}
    assert len(newest[200_000].payload) == codec.MAX_PAYLOAD_BYTES
    assert len(newest[200_000].topic) == 200
    assert newest[0].reason == "unknown_node"


def test_a_key_added_by_somebody_else_counts_at_once(ledger: Ledger, registry: Registry) -> None:
    node = FakeNode("ekskolan-9")
    first = node.signed(levels(node.name, START))
    assert ledger.append([first]).quarantined == 1
    other_process = Registry(registry._engine)
    other_process.add_node(node.name, "ekskolan", node.public_key_text, START)
    assert ledger.append([first]).stored == 1
    newer = FakeNode(node.name, seed=1)
    newer.seq, newer.prev = node.seq, node.prev
    second = newer.signed(levels(node.name, START))
    assert ledger.append([second]).quarantined == 1
    other_process.add_key(node.name, newer.public_key_text)
    assert ledger.append([second]).stored == 1
    other_process.revoke_key(key_id(str(second.signature)))
    third = newer.signed(levels(node.name, START))
    assert ledger.append([third]).quarantined == 1
