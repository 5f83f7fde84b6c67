"""Whatever the order, the batching and the repetition: the ledger ends in one state."""

from __future__ import annotations

import math
import tempfile
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from collector.database.database import open_database
from collector.ledger.ledger import Ledger, Received
from collector.registry.registry import Registry, Site
from sensor.contract.messages import Message
from tests.peers import FakeNode, event, health, levels

START = datetime(2026, 11, 2, 6, 57, tzinfo=UTC)
NAMES = ("a-1", "a-2")


@cache
def corpus() -> tuple[Received, ...]:
    """Two nodes' messages; one of them broke its chain once."""
    nodes = [FakeNode(name) for name in NAMES]
    received = []
    for i in range(9):
        for node in nodes:
            if (node.name, i) == ("a-2", 5):
                node.prev = "ab" * 32
            at = START + timedelta(minutes=i)
            received.append(node.signed(_message(node.name, i, at), received_at=at))
    return tuple(received)


def _message(name: str, i: int, at: datetime) -> Message:
    if i % 4 == 1:
        return event(name, at, 70.0 + i)
    if i % 4 == 2:
        return health(name, at, outbox_depth=i)
    return levels(name, at, None if i == 7 else 50.0 + i)


def content(ledger: Ledger) -> dict[str, Any]:
    """All that is derived, without what tells only of the order of arrival."""
    return {
        "states": {name: replace(state, replays=0) for name, state in ledger.node_states().items()},
        "counts": ledger.counts(),
        "events": sorted(
            (replace(row, position=0) for row in ledger.events()),
            key=lambda row: (row.start, row.node),
        ),
        "hours": [
            {**asdict(hour), "energy": f"{math.log10(hour.energy):.12f}"}
            for hour in ledger.level_hours()
        ],
    }


def open_ledger(folder: str) -> Ledger:
    """A new ledger that knows both nodes."""
    engine = open_database(f"sqlite:///{Path(folder) / 'ledger.sqlite'}")
    registry = Registry(engine)
    registry.add_site(Site(id="ekskolan", name="Ekskolan"))
    for name in NAMES:
        FakeNode(name).register(registry, "ekskolan", START)
    return Ledger(engine, registry)


@cache
def expected() -> dict[str, Any]:
    """What comes of all messages in their order."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = open_ledger(folder)
        ledger.append(corpus())
        return content(ledger)


def test_the_corpus_is_worth_its_name() -> None:
    states = expected()["states"]
    assert {name: state.acked_seq for name, state in states.items()} == {"a-1": 9, "a-2": 9}
    assert {name: state.chain_breaks for name, state in states.items()} == {"a-1": 0, "a-2": 1}
    assert len(expected()["hours"]) == 4
    assert len(expected()["events"]) == 4


# Not shrunk: an example costs a database, and a failing one is short enough to read.
@settings(
    deadline=None,
    max_examples=20,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(data=st.data())
def test_any_way_of_arrival_ends_in_one_state(data: st.DataObject) -> None:
    numbers = range(len(corpus()))
    repeated = data.draw(st.lists(st.sampled_from(numbers), max_size=6), label="repeated")
    order = data.draw(st.permutations([*numbers, *repeated]), label="order")
    cuts = data.draw(st.sets(st.integers(1, len(order) - 1), max_size=6), label="cuts")
    edges = [0, *sorted(cuts), len(order)]
    with tempfile.TemporaryDirectory() as folder:
        ledger = open_ledger(folder)
        for first, last in pairwise(edges):
            ledger.append([corpus()[number] for number in order[first:last]])
        assert content(ledger) == expected()
        ledger.rebuild(page_size=data.draw(st.integers(1, 30), label="page_size"))
        assert content(ledger) == expected()


def test_a_rebuild_tells_how_far_it_is() -> None:
    with tempfile.TemporaryDirectory() as folder:
        ledger = open_ledger(folder)
        ledger.append(corpus())
        ledger.set_online("a-1", True, START)
        seen: list[tuple[int, int]] = []
        ledger.rebuild(lambda done, total: seen.append((done, total)), page_size=10)
        assert seen == [(10, 18), (18, 18)]
        assert ledger.node_states()["a-1"].online
