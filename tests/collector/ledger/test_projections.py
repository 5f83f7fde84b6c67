"""Events and hours as they are derived from the messages."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest

from collector.ledger.ledger import Ledger
from collector.registry.registry import Registry
from sensor.contract.messages import Source
from tests.peers import FakeNode, event, levels

START = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def nodes(registry: Registry) -> list[FakeNode]:
    """Two nodes at two sites."""
    made = [FakeNode("ekskolan-1"), FakeNode("askolan-1")]
    made[0].register(registry, "ekskolan", START)
    made[1].register(registry, "askolan", START)
    return made


def test_an_event_row_tells_all_of_the_event(ledger: Ledger, nodes: list[FakeNode]) -> None:
    message = event(nodes[0].name, START, flags=("simulated", "wind_suspected"))
    ledger.append([nodes[0].signed(message)])
    (row,) = ledger.events()
    assert (row.node, row.site, row.id, row.start) == (nodes[0].name, "ekskolan", message.id, START)
    assert (row.lafmax_db, row.lae_db, row.laeq_db) == (82.0, 85.0, 79.0)
    assert (row.source, row.source_probability) == ("moped_motorcycle", 0.8)
    assert (row.speed_low_kmh, row.speed_kmh, row.speed_high_kmh) == (39.0, 42.0, 45.0)
    assert (row.direction, row.speed_method, row.speed_refused) == (1, "stereo", None)
    assert (row.simulated, row.flags) == (True, ["simulated", "wind_suspected"])
    assert ledger.event(message.id) == row
    assert ledger.event("0" * 16) is None


def test_an_event_without_speed_tells_why(ledger: Ledger, nodes: list[FakeNode]) -> None:
    message = event(
        nodes[0].name, START, speed=None, speed_refused="no_vehicle", source=Source(kind="voices")
    )
    ledger.append([nodes[0].signed(message)])
    (row,) = ledger.events()
    assert (row.speed_kmh, row.speed_refused, row.source) == (None, "no_vehicle", "voices")


def test_events_are_chosen_and_paged(ledger: Ledger, nodes: list[FakeNode]) -> None:
    # Two nodes' events begin at the same moments: ties must not be lost between pages.
    for i in range(10):
        ledger.append([node.signed(event(node.name, START + i * HOUR)) for node in nodes])
    assert ledger.count_events() == 20
    assert ledger.count_events(site="askolan", start=START + HOUR, end=START + 3 * HOUR) == 2
    starts = [row.start for row in ledger.events(node=nodes[0].name, limit=3)]
    assert starts == [START + i * HOUR for i in (9, 8, 7)]
    seen = []
    page = ledger.events(limit=3)
    while page:
        seen += [row.position for row in page]
        page = ledger.events(limit=3, before=page[-1].position)
    assert len(seen) == len(set(seen)) == 20
    assert ledger.events(before=10**9) == []


def test_a_node_elsewhere_counts_elsewhere(
    ledger: Ledger, registry: Registry, nodes: list[FakeNode]
) -> None:
    node = nodes[0]
    registry.place_node(node.name, "askolan", START + HOUR)
    ledger.append(
        [
            node.signed(event(node.name, START - HOUR)),
            node.signed(event(node.name, START)),
            node.signed(event(node.name, START + HOUR)),
            node.signed(levels(node.name, START - HOUR)),
            node.signed(levels(node.name, START + HOUR)),
        ]
    )
    assert [row.site for row in ledger.events()] == ["askolan", "ekskolan", None]
    assert [hour.site for hour in ledger.level_hours()] == ["askolan"]


def test_hours_hold_energy_means_of_what_was_measured(
    ledger: Ledger, nodes: list[FakeNode]
) -> None:
    name = nodes[0].name
    batches = [
        levels(name, START, 60.0, count=60),
        levels(name, START + timedelta(minutes=1), 70.0, count=20),
        levels(name, START + timedelta(minutes=2), None, count=30),
    ]
    for batch in batches:
        ledger.append([nodes[0].signed(batch)])
    (hour,) = ledger.level_hours()
    assert (hour.hour, hour.valid_s, hour.simulated) == (START, 80, False)
    assert math.isclose(hour.energy, (60 * 1e6 + 20 * 1e7) / 80, rel_tol=1e-12)
    assert hour.lafmax_db == 76.0


def test_a_batch_over_the_hour_is_divided(ledger: Ledger, nodes: list[FakeNode]) -> None:
    start = START + timedelta(minutes=59, seconds=30.5)
    ledger.append([nodes[0].signed(levels(nodes[0].name, start, 50.0))])
    first, second = ledger.level_hours()
    assert (first.hour, first.valid_s) == (START, 30)
    assert (second.hour, second.valid_s) == (START + HOUR, 30)


def test_simulated_never_mixes_with_measured(ledger: Ledger, nodes: list[FakeNode]) -> None:
    name = nodes[0].name
    ledger.append(
        [
            nodes[0].signed(levels(name, START, 50.0)),
            nodes[0].signed(levels(name, START, 80.0, flags=("simulated",))),
        ]
    )
    hours = {hour.simulated: hour.energy for hour in ledger.level_hours()}
    assert hours == pytest.approx({False: 1e5, True: 1e8})


def test_an_hour_without_a_valid_second_is_no_hour(ledger: Ledger, nodes: list[FakeNode]) -> None:
    ledger.append([nodes[0].signed(levels(nodes[0].name, START, None))])
    assert ledger.level_hours() == []


def test_hours_are_chosen(ledger: Ledger, nodes: list[FakeNode]) -> None:
    for node in nodes:
        ledger.append([node.signed(levels(node.name, START + i * HOUR)) for i in range(5)])
    chosen = ledger.level_hours(site="askolan", start=START + HOUR, end=START + 3 * HOUR)
    assert [(hour.node, hour.hour) for hour in chosen] == [
        ("askolan-1", START + HOUR),
        ("askolan-1", START + 2 * HOUR),
    ]


def test_what_happens_while_somebody_works_at_a_node_is_no_places(
    ledger: Ledger, nodes: list[FakeNode]
) -> None:
    node, at_work = nodes[0], ("commissioning",)
    # Ten test drives in a quarter of an hour would be joyriding, and a calibrator the loudest hour.
    drives = [event(node.name, START + i * timedelta(minutes=1), flags=at_work) for i in range(10)]
    ledger.append([node.signed(one) for one in drives])
    ledger.append([node.signed(levels(node.name, START, 94.0, flags=at_work))])
    ledger.append([node.signed(levels(node.name, START + timedelta(minutes=1), 50.0))])
    assert ledger.events(site="ekskolan") == []
    assert list(ledger.episodes(site="ekskolan", simulated=False)) == []
    (hour,) = ledger.level_hours(site="ekskolan")
    assert hour.valid_s == 60
    assert 10 * math.log10(hour.energy) == pytest.approx(50.0)
    # They are the node's own, and stay in the ledger.
    assert len(ledger.events(node=node.name)) == 10
    assert ledger.counts().messages == 12
