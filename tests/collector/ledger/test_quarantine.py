"""The quarantine is bounded, and what turns out to be a message can leave it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import Engine

from collector.database.database import reading
from collector.errors import LedgerError
from collector.ledger import quarantine
from collector.ledger.ledger import Ledger, Received
from collector.registry.registry import Registry
from tests.peers import FakeNode, event, levels

START = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)


def rubbish(count: int, first: int = 0, size: int = 10) -> list[Received]:
    """Payloads of `size` bytes, none like another, from a node that nobody knows."""
    return [
        Received(
            "skolro/v1/nobody/levels", f"{first + i:0{size}}".encode(), None,
            START + timedelta(seconds=first + i),
        )
        for i in range(count)
    ]  # fmt: skip


def test_a_flood_drops_its_oldest_and_counts_them(
    ledger: Ledger, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = 20 * (quarantine.ENTRY_BYTES + 10)
    monkeypatch.setattr(quarantine, "MOST_BYTES", room)
    other = Received("skolro/v1/nobody/secret", b"x", None, START)
    ledger.append([other])
    for first in range(0, 100, 10):
        ledger.append(rubbish(10, first))
    kept = ledger.quarantined(1000)
    assert [item.reason for item in kept].count("wrong_topic") == 1
    newest = [item.payload for item in kept if item.reason == "unknown_node"]
    assert newest == [received.payload for received in reversed(rubbish(19, 81))]
    with reading(engine) as connection:
        (gone,) = quarantine.overflow(connection)
    assert (gone.reason, gone.entries, gone.count) == ("unknown_node", 81, 81)
    assert ledger.counts().quarantined == 101


def test_the_bound_counts_bytes(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "MOST_BYTES", 100_000)
    for first in range(10):
        ledger.append(rubbish(1, first, size=20_000))
    assert len(ledger.quarantined(100)) == 4


def test_what_is_a_message_now_is_stored(ledger: Ledger, registry: Registry) -> None:
    node = FakeNode("ekskolan-1")
    batch = [node.signed(event(node.name, START)), node.signed(levels(node.name, START))]
    forged = replace(batch[0], payload=batch[0].payload.replace(b"82.0", b"92.0"))
    ledger.append([*batch, forged])
    node.register(registry, "ekskolan", START)
    results = ledger.retry_quarantined(ledger.quarantined_ids())
    assert [result.outcome for result in results] == ["stored", "stored", "forged"]
    assert [item.payload for item in ledger.quarantined()] == [forged.payload]
    assert ledger.acked_seqs([node.name]) == {node.name: 2}
    assert ledger.count_events() == 1
    assert ledger.check().holds


def test_what_came_in_meanwhile_leaves_too(ledger: Ledger, registry: Registry) -> None:
    node = FakeNode("ekskolan-1")
    received = node.signed(event(node.name, START))
    ledger.append([received])
    node.register(registry, "ekskolan", START)
    ledger.append([received])
    (result,) = ledger.retry_quarantined(ledger.quarantined_ids())
    assert result.outcome == "duplicate"
    assert ledger.quarantined() == []


def test_a_fork_stays_one(ledger: Ledger, registry: Registry) -> None:
    node = FakeNode("ekskolan-1")
    node.register(registry, "ekskolan", START)
    ledger.append([node.signed(event(node.name, START))])
    node.seq, node.prev = 0, "0" * 64
    ledger.append([node.signed(levels(node.name, START))])
    (before,) = ledger.quarantined()
    (result,) = ledger.retry_quarantined([before.id])
    assert (result.outcome, result.left) == ("fork", False)
    assert ledger.quarantined() == [before]


def test_a_revoked_key_stays_revoked(ledger: Ledger, registry: Registry) -> None:
    node = FakeNode("ekskolan-1")
    node.register(registry, "ekskolan", START)
    (key,) = registry.keys_of(node.name)
    registry.revoke_key(key.kid, START + timedelta(hours=1))
    late = node.signed(event(node.name, START), received_at=START + timedelta(hours=2))
    ledger.append([late])
    (result,) = ledger.retry_quarantined(ledger.quarantined_ids())
    assert result.outcome == "revoked_key"


def test_dropping_is_for_good_and_for_what_is_there(ledger: Ledger) -> None:
    ledger.append(rubbish(3))
    first, *rest = ledger.quarantined_ids()
    with pytest.raises(LedgerError, match="there is no 999"):
        ledger.drop_quarantined([first, 999])
    assert len(ledger.quarantined()) == 3
    ledger.drop_quarantined(rest)
    assert ledger.quarantined_ids() == [first]
