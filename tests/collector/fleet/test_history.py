"""The days of a node tell what was measured, heard and wrong, and begin when it was hung up."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from collector.fleet.history import histories, past_week
from collector.ledger.ledger import Ledger
from collector.registry.registry import Registry
from tests.peers import FakeNode, health, levels

NOW = datetime(2026, 10, 27, 11, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TODAY = date(2026, 10, 27)


@pytest.fixture
def node(registry: Registry) -> FakeNode:
    """A node that was hung up three days and an hour ago."""
    made = FakeNode("ekskolan-1")
    made.register(registry, "ekskolan", NOW - 3 * DAY - HOUR)
    return made


def measure(ledger: Ledger, node: FakeNode, start: datetime, hours: int) -> None:
    """Let a node measure whole hours."""
    made = [levels(node.name, start + n * HOUR, interval_s=60) for n in range(hours)]
    ledger.append([node.signed(one, one.time) for one in made])


def test_days_are_local_and_count_from_when_it_hung(
    ledger: Ledger, registry: Registry, node: FakeNode
) -> None:
    # Summer time ends on the 25th, which has 25 hours.
    measure(ledger, node, datetime(2026, 10, 24, 22, tzinfo=UTC), 20)
    found = histories(ledger, registry.inventory(), NOW, days=5)["ekskolan-1"]
    assert [one.day for one in found.days] == [TODAY - n * DAY for n in range(4, -1, -1)]
    assert [one.whole_h for one in found.days] == [0.0, 12.0, 25.0, 24.0, 12.0]
    assert [one.measured_share for one in found.days] == [None, 0.0, 20 / 25, 0.0, 0.0]
    assert found.measured_share == pytest.approx(20 / 73)


def test_what_was_wrong_is_counted_by_hours(
    ledger: Ledger, registry: Registry, node: FakeNode
) -> None:
    at = NOW - 4 * HOUR
    told = [
        (health(node.name, at, microphone="dead"), at),
        (health(node.name, at + timedelta(minutes=5), microphone="dead"), at + 2 * HOUR),
        (health(node.name, at + HOUR, under_voltage=True), at + HOUR),
        (health(node.name, at + 2 * HOUR), at + 3 * HOUR),
    ]
    ledger.append([node.signed(one, received_at) for one, received_at in told])
    today = histories(ledger, registry.inventory(), NOW, node="ekskolan-1")["ekskolan-1"].days[-1]
    assert (today.connected_h, today.microphone_h, today.under_voltage_h) == (2, 1, 1)
    assert today.faulty


def test_a_week_counts_the_best_node_of_each_site_while_it_hung_there(
    ledger: Ledger, registry: Registry, node: FakeNode
) -> None:
    other = FakeNode("ekskolan-2")
    other.register(registry, "ekskolan", NOW - 300 * DAY)
    measure(ledger, other, NOW - 8 * DAY, 40)
    measure(ledger, node, NOW - 10 * HOUR, 8)
    ledger.append([other.signed(health(other.name, NOW - 5 * HOUR), NOW - 5 * HOUR)])
    week = past_week(ledger, registry.inventory(), NOW, ["ekskolan-1", "ekskolan-2"])
    # Sixteen of the forty hours lie within the week.
    assert week.measured == {"ekskolan": pytest.approx((16 + 8) / 168)}
    assert week.connected == {"ekskolan-1": 0.0, "ekskolan-2": pytest.approx(1 / 168)}
    assert past_week(ledger, registry.inventory(), NOW, []).measured == {}
