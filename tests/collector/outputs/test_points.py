"""Points do not depend on how the ledger's messages came in or were split into writes."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from collector.ledger.ledger import Ledger
from collector.outputs.measurements import UNPLACED
from collector.outputs.points import lines_of
from sensor.contract.messages import LevelBatch
from tests.peers import FakeNode, health, levels

_START = datetime(2026, 3, 28, 22, 58, 17, 250_000, UTC)
_NODE = "ekskolan-1"
_EVER = datetime(2000, 1, 1, tzinfo=UTC)
_numbers = itertools.count()


def _points(ledger: Ledger, first: int, last: int) -> dict[tuple[str, str], str]:
    """Fields by series and time, of the messages behind `first` up to `last`."""
    messages = ledger.after(first, last - first)
    by_policy = lines_of(messages, ledger, ledger.registry.inventory(), seconds_since=_EVER)
    points: dict[tuple[str, str], str] = {}
    for line in itertools.chain.from_iterable(by_policy.values()):
        series, fields, time_ns = line.split(" ")
        # A point may come in two lines with different fields, as InfluxDB merges them.
        kind = "statistics" if fields.startswith("laf10_db") else "levels"
        points[f"{series} {kind}", time_ns] = fields
    return points


@st.composite
def _batches(draw: st.DrawFn) -> list[LevelBatch]:
    """Batches that follow each other, of any length, across minutes and the change of hour."""
    made: list[LevelBatch] = []
    at = _START
    for _ in range(draw(st.integers(1, 6))):
        count = draw(st.integers(1, 90))
        level_db = draw(st.none() | st.integers(30, 90).map(float))
        made.append(levels(_NODE, at, level_db, count=count, laf10_db=50.0))
        at += timedelta(seconds=count)
    return made


@settings(
    deadline=None,
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(_batches(), st.data())
def test_arriving_and_being_written_in_pieces_gives_the_same_points(
    ledger: Ledger, batches: list[LevelBatch], data: st.DataObject
) -> None:
    count = len(batches)
    cuts = sorted(data.draw(st.sets(st.integers(1, count), max_size=4)) | {count})
    wanted = _arriving(ledger, batches, [count])
    got = _arriving(ledger, data.draw(st.permutations(batches)), cuts)
    # The hour's mean is carried on batch by batch, so its last digits depend on their order.
    assert _values(got) == pytest.approx(_values(wanted), rel=1e-9)


def _arriving(
    ledger: Ledger, batches: list[LevelBatch], cuts: list[int]
) -> dict[tuple[str, str], str]:
    """Points in the end, when a new node's batches come in and are written up to each cut."""
    node = FakeNode(f"node-{next(_numbers)}")
    node.register(ledger.registry, "ekskolan", _START)
    begin = ledger.counts().messages
    points: dict[tuple[str, str], str] = {}
    for first, last in itertools.pairwise([0, *cuts]):
        messages = [replace(batch, node=node.name) for batch in batches[first:last]]
        ledger.append([node.signed(message) for message in messages])
        points |= _points(ledger, begin + first, begin + last)
    return {
        (series.replace(node.name, "node"), at): value for (series, at), value in points.items()
    }


def _values(points: dict[tuple[str, str], str]) -> dict[str, float]:
    return {
        f"{series} {time_ns} {name}": float(value)
        for (series, time_ns), fields in points.items()
        for name, _, value in (field.partition("=") for field in fields.split(","))
    }


def test_a_node_that_hangs_nowhere_is_told_apart(ledger: Ledger) -> None:
    node = FakeNode(_NODE)
    node.register(ledger.registry, "ekskolan", _START)
    before = _START - timedelta(days=1)
    ledger.append([node.signed(health(_NODE, before)), node.signed(levels(_NODE, before))])
    points = _points(ledger, 0, 2)
    assert points
    assert all(f",site={UNPLACED}," in series for series, _ in points)
