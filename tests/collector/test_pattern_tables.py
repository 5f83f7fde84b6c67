"""Tables of the analysis hold what the ledger does: hours, neighbours, levels as they were sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from collector.analysis.hours import hour_at
from collector.ledger.ledger import Ledger
from collector.pattern_tables import (
    hours_of_levels,
    hours_of_sites,
    levels_of_node,
    neighbours,
    passes_of_site,
    speeds_of,
)
from collector.registry.registry import Registry, Site, SpeedLimit
from sensor.contract.messages import Message
from tests.collector.conftest import ONLY_SQLITE
from tests.peers import FakeNode, event, levels

START = datetime(2026, 11, 6, 19, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)

pytestmark = ONLY_SQLITE


@pytest.fixture
def node(ledger: Ledger, registry: Registry) -> FakeNode:
    """A node that measured an hour and a half, with a pass in each hour and one a day later."""
    made = FakeNode("ekskolan-1")
    made.register(registry, "ekskolan", START)
    batch: list[Message] = [
        levels(made.name, START, 50.0, interval_s=60, laf10_db=53.0, laf50_db=49.0, laf90_db=45.0),
        levels(made.name, START + HOUR, 60.0, interval_s=60, count=30),
        *(event(made.name, START + at * HOUR) for at in (0, 1, 24)),
    ]
    ledger.append([made.signed(one) for one in batch])
    return made


def test_hours_are_those_of_which_something_is_known(ledger: Ledger, node: FakeNode) -> None:
    hours = hours_of_sites(ledger)["ekskolan"]
    first = hour_at(START)
    assert hours.hour.tolist() == [first, first + 1, first + 24]
    assert hours.measured_s.tolist() == [3600, 1800, 0]
    assert hours.events.tolist() == [1, 1, 1]


def test_hours_are_chosen_by_time_site_and_origin(ledger: Ledger, node: FakeNode) -> None:
    chosen = hours_of_sites(ledger, start=START + HOUR, end=START + 2 * HOUR)["ekskolan"]
    assert chosen.hour.tolist() == [hour_at(START) + 1]
    assert hours_of_sites(ledger, site="askolan") == {}
    assert hours_of_sites(ledger, simulated=True) == {}


def test_no_hour_has_less_than_no_passes(ledger: Ledger, registry: Registry) -> None:
    first, second = FakeNode("ekskolan-1"), FakeNode("ekskolan-2")
    for node in (first, second):
        node.register(registry, "ekskolan", START)

    def heard(node: FakeNode, at_s: float, received_at: datetime) -> None:
        passed = event(node.name, START + HOUR + timedelta(seconds=at_s))
        ledger.append([node.signed(passed, received_at=received_at)])

    # What was heard after the hour began is a pass of its own once the first is pruned.
    heard(first, -2.0, START)
    heard(second, 3.0, START + HOUR)
    heard(first, 7200.0, START + HOUR)
    ledger.prune("event", START + HOUR / 2)
    heard(first, -1.0, START + 2 * HOUR)
    hours = hours_of_sites(ledger)["ekskolan"]
    first_hour = hour_at(START)
    assert hours.hour.tolist() == [first_hour, first_hour + 3]
    assert hours.events.tolist() == [2, 1]
    assert ledger.check().holds


def test_sites_without_coordinates_have_no_neighbours(registry: Registry) -> None:
    registry.add_site(Site(id="near", name="Near", latitude=57.42, longitude=12.01))
    registry.add_site(Site(id="far", name="Far", latitude=57.5, longitude=12.0))
    found = neighbours(registry.inventory())
    assert found["ekskolan"] == {"near"}
    assert found["near"] == {"ekskolan"}
    assert found["askolan"] == found["far"] == frozenset()


def test_levels_are_those_that_were_sent(ledger: Ledger, node: FakeNode) -> None:
    table = levels_of_node(ledger, node.name, START, START + 2 * HOUR)
    assert len(table.start_s) == 90
    np.testing.assert_allclose(table.laeq_db, [50.0] * 60 + [60.0] * 30)
    np.testing.assert_allclose(table.batch_measured_s, [3600, 1800])
    np.testing.assert_allclose(table.laf_db, np.array([[53.0, 49.0, 45.0], [np.nan] * 3]))
    assert len(levels_of_node(ledger, node.name, START, START + HOUR, simulated=True).start_s) == 0
    (hours,) = hours_of_levels(ledger.level_hours()).values()
    assert hours.measured_s.tolist() == [3600, 1800]


def test_speeds_stand_beside_the_limit_of_their_moment(
    ledger: Ledger, registry: Registry, node: FakeNode
) -> None:
    registry.add_speed_limit(SpeedLimit(site="ekskolan", kmh=30, since=START + HOUR))
    found = passes_of_site(ledger, "ekskolan", START, START + 48 * HOUR)
    table = speeds_of(found, registry.inventory(), registry.site("ekskolan"))
    assert table.hour_of_day.tolist() == [20, 21, 20]
    assert table.speed_kmh.tolist() == [42.0] * 3
    np.testing.assert_allclose(table.limit_kmh, [np.nan, 30, 30])
    unsure = replace(found[0], heard=(found[0].heard[0]._replace(source="unsure", speed_kmh=None),))
    assert len(speeds_of([unsure], registry.inventory(), registry.site("ekskolan"))) == 0
