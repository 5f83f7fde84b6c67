"""Neighbours are those that share their weather, and are compared from when they could be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from collector.alert_config import AlertRules
from collector.analysis.drift import Drift, Untold
from collector.fleet.neighbours import DriftWatch, are_neighbours, read_drifts
from collector.ledger.ledger import Ledger
from collector.registry.inventory import Site
from sensor.contract.messages import CalibrationCheck, draft
from tests.collector.alerts.situations import NOW, grow_deaf, nightly
from tests.collector.conftest import ONLY_SQLITE
from tests.peers import FakeNode

RULES = AlertRules()
FAR = Site(id="far", name="Far", latitude=58.0, longitude=13.0)
NEAR = Site(id="near", name="Near", latitude=57.95, longitude=13.0)
NOWHERE = Site(id="nowhere", name="Nowhere")


def test_neighbours_are_near_or_at_the_same_site() -> None:
    # A twentieth of a degree to the south is 5.6 km.
    assert are_neighbours(FAR, NEAR, 5.6)
    assert not are_neighbours(FAR, NEAR, 5.5)
    assert are_neighbours(NOWHERE, NOWHERE, 0.0)
    assert not are_neighbours(NOWHERE, FAR, 1000.0)


@pytest.fixture
def node(ledger: Ledger) -> FakeNode:
    """A node at Ekskolan."""
    made = FakeNode("ekskolan-1")
    made.register(ledger.registry, "ekskolan", NOW - timedelta(days=100))
    return made


def found(ledger: Ledger, rules: AlertRules = RULES) -> dict[str, Drift | Untold]:
    """What is told of each node now."""
    return read_drifts(ledger, ledger.registry.inventory(), rules, NOW)


def test_a_node_that_grows_deaf_is_found_in_the_ledger(ledger: Ledger, node: FakeNode) -> None:
    grow_deaf(ledger, node)
    told = found(ledger)
    deaf = told["ekskolan-1"]
    assert isinstance(deaf, Drift)
    assert deaf.holds
    assert deaf.change_db == pytest.approx(-6.0, abs=0.3)
    assert deaf.since.isoformat() == "2026-11-01"
    for name in ("ekskolan-1-2", "ekskolan-1-3"):
        other = told[name]
        assert isinstance(other, Drift)
        assert not other.holds
    # What is left of the hours when messages are pruned tells the same.
    ledger.prune("levels", NOW + timedelta(days=1))
    assert found(ledger) == told


@ONLY_SQLITE
def test_a_check_that_adjusted_begins_anew(ledger: Ledger, node: FakeNode) -> None:
    grow_deaf(ledger, node)
    check = CalibrationCheck(
        **draft(node.name, NOW - timedelta(days=15)),
        calibrator_level_db=94.0, calibrator_serial="1", calibrator_certificate="1",
        measured_db=88.0, deviation_db=-6.0, standard_deviation_db=0.02, frequency_hz=1000.0,
        sensitivity=2.0, result="invalid",
    )  # fmt: skip
    ledger.append([node.signed(check, NOW)])
    assert isinstance(found(ledger)["ekskolan-1"], Untold)


@ONLY_SQLITE
def test_a_node_that_was_moved_begins_anew(ledger: Ledger, node: FakeNode) -> None:
    grow_deaf(ledger, node)
    ledger.registry.place_node(node.name, "askolan", NOW - timedelta(days=15))
    told = found(ledger)
    assert told["ekskolan-1"] == Untold("few_neighbours", 15, 0)
    assert isinstance(told["ekskolan-1-2"], Untold)


@ONLY_SQLITE
def test_simulated_nodes_are_no_neighbours_of_real_ones(ledger: Ledger, node: FakeNode) -> None:
    def send(one: FakeNode, levels_db: Sequence[float], **changes: Any) -> None:
        made = nightly(one.name, levels_db, **changes)
        ledger.append([one.signed(message, NOW) for message in made])

    quiet = [35.0] * 40
    send(node, quiet)
    for number in (2, 3):
        one = FakeNode(f"ekskolan-{number}")
        one.register(ledger.registry, "ekskolan", NOW - timedelta(days=100))
        send(one, quiet, flags=("simulated",))
    told = found(ledger)
    assert told["ekskolan-1"] == Untold("few_neighbours", 40, 0)
    assert told["ekskolan-2"] == Untold("few_neighbours", 40, 1)


@ONLY_SQLITE
def test_it_is_computed_once_an_hour(ledger: Ledger, node: FakeNode) -> None:
    watch = DriftWatch(ledger, RULES)
    first = watch.drifts(NOW)
    assert watch.drifts(NOW + timedelta(minutes=59)) is first
    assert watch.drifts(NOW + timedelta(minutes=60)) is not first
    assert watch.drifts(datetime(2026, 1, 1, tzinfo=UTC)) is not first
