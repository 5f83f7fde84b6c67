"""Entities hold what was measured in a quarter of an hour, how surely, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from collector.config import CORE_CONTEXT
from collector.ledger.ledger import Ledger
from collector.ngsi_ld.entities import (
    Entity,
    current_entities,
    key_values,
    with_context,
)
from collector.ngsi_ld.quarters import quarter_at
from collector.ngsi_ld.query import QueryError, read_query
from sensor.contract.messages import Speed
from tests.peers import FakeNode, event, levels
from tests.receivers import require_entity

START = datetime(2026, 11, 20, 19, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """One kind of database is enough: nothing here asks it for much."""
    return f"sqlite:///{tmp_path / 'ledger.sqlite'}"


@pytest.fixture
def node(ledger: Ledger) -> FakeNode:
    """A node at Ekskolan."""
    made = FakeNode("ekskolan-1")
    made.register(ledger.registry, "ekskolan", START - timedelta(days=1))
    return made


def measure(ledger: Ledger, node: FakeNode, *levels_db: float | None, **changes: Any) -> None:
    """Let a node measure minute by minute from START on."""
    ledger.append(
        [
            node.signed(levels(node.name, START + minute * MINUTE, level, **changes))
            for minute, level in enumerate(levels_db)
        ]
    )


def current(ledger: Ledger, small_count: int | None = None) -> dict[str, Entity]:
    """The entities there are, by type; each of them well formed."""
    inventory = ledger.registry.inventory()
    found = list(current_entities(ledger, inventory, small_count=small_count))
    for one in found:
        require_entity(with_context(one, CORE_CONTEXT))
    return {one["type"]: one for one in found}


def test_a_whole_quarter_is_told_with_how_surely_it_was_measured(
    ledger: Ledger, node: FakeNode
) -> None:
    # The sixteenth minute is of a quarter that is not over.
    measure(ledger, node, *[60.0] * 7, None, *[50.0] * 7, 90.0, flags=("wind_suspected",))
    noise = current(ledger)["NoiseLevelObserved"]
    assert noise["id"] == "urn:ngsi-ld:NoiseLevelObserved:ekskolan-1"
    assert noise["dateObservedFrom"]["value"]["@value"] == "2026-11-20T19:00:00Z"
    assert noise["dateObservedTo"]["value"]["@value"] == "2026-11-20T19:15:00Z"
    # Half the energy of 60 dB, and a little of 50: 57.4 dB.
    assert noise["LAeq"]["value"] == 57.4
    assert noise["LAeq"]["uncertainty"]["value"] == 2.1
    assert noise["LAeq"]["observedAt"] == "2026-11-20T19:15:00Z"
    assert noise["LAmax"]["value"] == 66.0
    assert (noise["measuredTime"]["value"], noise["coverage"]["value"]) == (840, 0.933)
    assert noise["quality"]["value"] == ["wind_suspected"]
    assert noise["location"]["value"] == {"type": "Point", "coordinates": [12.0, 57.4]}
    assert "sonometerClass" not in noise
    assert key_values(noise)["LAeq"] == 57.4
    assert key_values(noise)["refDevice"] == "urn:ngsi-ld:Device:ekskolan-1"


def test_what_was_not_measured_is_left_out(ledger: Ledger, node: FakeNode) -> None:
    measure(ledger, node, *[None] * 15)
    found = current(ledger)
    noise, traffic = found["NoiseLevelObserved"], found["TrafficFlowObserved"]
    assert noise.keys().isdisjoint({"LAeq", "LAmax"})
    assert traffic.keys().isdisjoint({"intensity", "averageVehicleSpeed"})
    assert noise["coverage"]["value"] == traffic["coverage"]["value"] == 0.0
    assert noise["quality"]["value"] == ["ok"]


def test_before_a_quarter_is_over_there_is_no_entity(ledger: Ledger, node: FakeNode) -> None:
    assert current(ledger) == {}
    measure(ledger, node, *[50.0] * 14)
    # The quarter before is over, and nothing was measured in it.
    assert current(ledger)["NoiseLevelObserved"]["coverage"]["value"] == 0.0


def passes(ledger: Ledger, node: FakeNode, count: int) -> None:
    """Let vehicles pass, each with a speed of its own, and one that may be one."""
    for number in range(count):
        speed = Speed(
            speed_kmh=30.0 + 10 * number, low_kmh=27.0 + 10 * number, high_kmh=33.0 + 10 * number,
            direction=1, method="stereo",
        )  # fmt: skip
        heard = event(node.name, START + number * MINUTE, speed=speed)
        ledger.append([node.signed(heard)])


def test_traffic_is_what_was_heard_pass_by_pass(ledger: Ledger, node: FakeNode) -> None:
    measure(ledger, node, *[50.0] * 15)
    passes(ledger, node, 4)
    traffic = current(ledger)["TrafficFlowObserved"]
    assert (traffic["intensity"]["value"], traffic["unconfirmedPasses"]["value"]) == (4, 0)
    speed = traffic["averageVehicleSpeed"]
    assert (speed["value"], speed["unitCode"], speed["sampleSize"]["value"]) == (45.0, "KMH", 4)
    # Four speeds of ±3 km/h, each for itself.
    assert speed["uncertainty"]["value"] == 1.5
    assert "not all traffic" in traffic["countedVehicles"]["value"]


@pytest.mark.parametrize(("count", "told"), [(0, None), (4, None), (5, 5)])
def test_everybody_is_told_no_small_count(
    ledger: Ledger, node: FakeNode, count: int, told: int | None
) -> None:
    measure(ledger, node, *[50.0] * 15)
    passes(ledger, node, count)
    traffic = current(ledger, small_count=5)["TrafficFlowObserved"]
    assert traffic.get("intensity", {}).get("value") == told
    if told is None:
        assert traffic["intensityBelow"]["value"] == 5
        assert traffic.keys().isdisjoint({"averageVehicleSpeed", "unconfirmedPasses"})


def test_what_is_simulated_says_so(ledger: Ledger, node: FakeNode) -> None:
    measure(ledger, node, *[50.0] * 15, flags=("simulated",))
    found = current(ledger)
    assert [one["simulated"]["value"] for one in found.values()] == [True, True]
    assert found["NoiseLevelObserved"]["quality"]["value"] == ["ok"]


def test_a_context_is_named_before_the_one_of_ngsi_ld() -> None:
    assert with_context({}, CORE_CONTEXT)["@context"] == [CORE_CONTEXT]
    assert with_context({}, "https://x/y")["@context"] == ["https://x/y", CORE_CONTEXT]


def test_quarters_begin_on_the_hour() -> None:
    assert quarter_at(START + 14.9 * MINUTE) == START
    assert quarter_at(START + 15 * MINUTE) == START + 15 * MINUTE


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({"types": "NoiseLevelObserved"}, ["N"]),
        ({"types": "NoiseLevelObserved,TrafficFlowObserved"}, ["N", "T"]),
        ({"ids": "urn:ngsi-ld:TrafficFlowObserved:ekskolan"}, ["T"]),
        ({"q": "LAeq>=50"}, ["N"]),
        ({"q": "LAeq>50"}, []),
        ({"q": "LAeq<51;simulated==false"}, ["N"]),
        ({"q": "simulated==true"}, []),
        ({"q": 'refDevice=="urn:ngsi-ld:Device:ekskolan-1"'}, ["N"]),
        ({"q": "name==Ekskolan;coverage!=0.5"}, ["N", "T"]),
        ({"q": "dateObservedTo>2026-11-20T19:00:00Z"}, ["N", "T"]),
        ({"q": 'LAeq=="50"'}, []),
        ({"types": "TrafficFlowObserved", "q": "LAeq>1"}, []),
    ],
)
def test_a_query_chooses(
    ledger: Ledger, node: FakeNode, query: dict[str, str], ids: list[str]
) -> None:
    measure(ledger, node, *[50.0] * 15)
    asked = read_query(**{"types": None, "ids": None, "q": None, **query})
    chosen = asked.chosen(current(ledger).values())
    assert [one["type"][0] for one in chosen] == ids


@pytest.mark.parametrize("q", ["LAeq", "LAeq>1|LAeq<0", "(LAeq>1)", "a.b>1", "LAeq~=x", "", ";"])
def test_a_query_that_is_not_understood_is_refused(q: str) -> None:
    with pytest.raises(QueryError):
        read_query(None, None, q)
