"""Each node's hours tell what was told, whatever order it came in, for good and once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, text

from collector.database.database import writing
from collector.database.tables import node_hour
from collector.ledger.ledger import Ledger, NodeHour, Received
from collector.registry.registry import Registry
from sensor.contract.messages import Message
from tests.peers import FakeNode, health, levels

START = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
NEVER = START + 10_000 * HOUR


@pytest.fixture
def node(registry: Registry) -> FakeNode:
    """A registered node."""
    made = FakeNode("ekskolan-1")
    made.register(registry, "ekskolan", START)
    return made


def hours(ledger: Ledger, *, simulated: bool = False) -> list[NodeHour]:
    """All hours of the node."""
    return ledger.node_hours("ekskolan-1", START - 1000 * HOUR, NEVER, simulated=simulated)


def sent(node: FakeNode, *messages: Message, late: timedelta = MINUTE) -> list[Received]:
    """As they come in so long after they were made."""
    return [node.signed(one, one.time + late) for one in messages]


def test_an_hour_holds_the_worst_of_what_was_told(ledger: Ledger, node: FakeNode) -> None:
    name = node.name
    ledger.append(
        sent(
            node,
            health(name, START + MINUTE, cpu_temperature_c=61.5, outbox_depth=3, uptime_s=20.0,
                   clock_offset_s=-0.5, under_voltage=False, disk_written_bytes=10**9),
            health(name, START + 6 * MINUTE, cpu_temperature_c=58.0, outbox_depth=9,
                   microphone="dead", under_voltage=True, disk_written_bytes=3 * 10**9,
                   microphone_lowest_db=21.5, outbox_oldest_s=90.0),
            health(name, START + 11 * MINUTE, cpu_temperature_c=None, microphone_lowest_db=24.0,
                   clock_synchronised=False, disk_free_bytes=5 * 10**9),
        )
    )  # fmt: skip
    (hour,) = hours(ledger)
    assert (hour.hour, hour.reports, hour.prompt) == (START, 3, 3)
    assert (hour.cpu_temperature_c, hour.outbox_depth, hour.outbox_oldest_s) == (61.5, 9, 90.0)
    assert (hour.microphone_bad, hour.under_voltage, hour.clock_unsure) == (1, 1, 1)
    assert (hour.uptime_s, hour.clock_offset_s, hour.disk_free_bytes) == (20.0, 0.5, 5 * 10**9)
    assert (hour.disk_written_bytes, hour.microphone_lowest_db) == (3 * 10**9, 21.5)
    # Nobody told of these, so they are not known: not zero.
    assert (hour.throttled, hour.disk_errors, hour.disk_worn_share) == (None, None, None)
    assert (hour.memory_available_bytes, hour.background_db) == (None, None)


def test_what_comes_late_was_not_connected(ledger: Ledger, node: FakeNode) -> None:
    late = timedelta(hours=3)
    ledger.append(sent(node, health(node.name, START)))
    ledger.append(sent(node, health(node.name, START + 20 * MINUTE), late=late))
    (hour,) = hours(ledger)
    assert (hour.reports, hour.prompt) == (2, 1)


def test_background_is_the_mean_of_what_was_measured_in_fair_weather(
    ledger: Ledger, node: FakeNode
) -> None:
    name = node.name
    ledger.append(
        sent(
            node,
            levels(name, START, laf90_db=40.0),
            levels(name, START + MINUTE, laf90_db=46.0, count=30),
            levels(name, START + 2 * MINUTE, laf90_db=70.0, flags=("wind_suspected",)),
            levels(name, START + 3 * MINUTE, laf90_db=70.0, flags=("thinned",)),
            levels(name, START + 4 * MINUTE, None, laf90_db=70.0),
            levels(name, START + 5 * MINUTE, laf90_db=None),
        )
    )
    (hour,) = hours(ledger)
    assert hour.background_s == 90.0
    assert hour.background_db == pytest.approx(42.0)
    assert hour.reports is None
    (row,) = ledger.background_hours([name], START, NEVER)
    assert row.background_db == pytest.approx(42.0)


def test_simulated_never_mixes_with_measured(ledger: Ledger, node: FakeNode) -> None:
    told = [health(node.name, START), health(node.name, START, flags=("simulated",))]
    ledger.append(sent(node, *told))
    assert [len(hours(ledger, simulated=one)) for one in (False, True)] == [1, 1]


def many(node: FakeNode, seed: int = 1) -> list[Received]:
    """Two days of reports and levels, of which some say less than others."""
    rng = np.random.default_rng(seed)
    messages: list[Message] = []
    for step in range(192):
        at = START + step * 15 * MINUTE
        changes: dict[str, Any] = {
            "cpu_temperature_c": None if rng.random() < 0.5 else 40.0 + step % 20,
            "outbox_depth": int(rng.integers(50)),
            "microphone": "ok" if rng.random() < 0.5 else "dead",
        }
        if rng.random() < 0.5:
            changes |= {
                "under_voltage": bool(rng.random() < 0.5),
                "disk_written_bytes": step * 10**6,
            }
        messages.append(health(node.name, at, **changes))
        messages.append(levels(node.name, at, laf90_db=round(35.0 + float(rng.random()), 1)))
    return sent(node, *messages)


def test_the_order_does_not_matter_and_a_rebuild_finds_the_same(
    ledger: Ledger, node: FakeNode
) -> None:
    batch = many(node)
    shuffled = [batch[n] for n in np.random.default_rng(2).permutation(len(batch))]
    for first, last in pairwise(range(0, len(shuffled) + 1, 48)):
        ledger.append(shuffled[first:last])
    found = hours(ledger)
    assert len(found) == 48
    assert ledger.check().holds
    ledger.rebuild()
    again = hours(ledger)
    assert [one.background_db for one in again] == pytest.approx(
        [one.background_db for one in found]
    )
    assert [(one.reports, one.outbox_depth, one.under_voltage) for one in again] == [
        (one.reports, one.outbox_depth, one.under_voltage) for one in found
    ]


def test_what_is_pruned_stays_in_the_hours(ledger: Ledger, node: FakeNode) -> None:
    ledger.append(many(node))
    before = hours(ledger)
    for kind in ("health", "levels"):
        assert ledger.prune(kind, START + 24 * HOUR) > 90
    assert hours(ledger) == before
    ledger.rebuild()
    assert hours(ledger) == before
    assert ledger.check().holds


def test_a_check_finds_hours_that_somebody_changed(
    ledger: Ledger, node: FakeNode, engine: Engine
) -> None:
    ledger.append(many(node))
    with writing(engine) as connection:
        connection.execute(node_hour.update().values(under_voltage=0).where(text("reports > 0")))
    (found,) = ledger.check().nodes
    assert any(one.startswith("hours of nodes: ") for one in found.differences)


def test_all_nodes_are_read_at_once(ledger: Ledger, registry: Registry, node: FakeNode) -> None:
    other = FakeNode("askolan-1")
    other.register(registry, "askolan", START)
    for one in (node, other):
        ledger.append(sent(one, health(one.name, START), levels(one.name, START)))
    end = START + HOUR
    assert {one.node for one in ledger.told_hours(START, end)} == {node.name, other.name}
    measured = ledger.measured_hours(START, end, node=other.name)
    assert [(one.node, one.measured_s) for one in measured] == [(other.name, 60)]
    assert ledger.told_hours(end, NEVER) == []
