"""Figures on their way: nothing twice, nothing that no longer holds, and nothing lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from collector.analysis.school_calendar import NO_CALENDAR
from collector.config import InfluxDB
from collector.figures.figures import LATER, SOON, Figures
from collector.forwarder import Forwarder
from collector.ledger.ledger import Ledger
from collector.outputs import OutputRejects, OutputUnavailableError
from collector.outputs.influx import InfluxOutput
from collector.registry.registry import Guideline, Patrol, Registry, Site
from collector.replay import Replay
from sensor.contract.messages import Source
from tests.collector.conftest import ONLY_SQLITE
from tests.collector.figures.town import forward_figures
from tests.influx import Influx, content, running
from tests.peers import FakeNode, event, health, levels

pytestmark = ONLY_SQLITE

_START = datetime(2026, 11, 9, 18, tzinfo=UTC)
_MOPED = Source(kind="moped_motorcycle", probability=0.9)


@pytest.fixture(scope="module")
def influx() -> Iterator[Influx]:
    """A real InfluxDB."""
    yield from running()


@pytest.fixture
def node(registry: Registry) -> FakeNode:
    """A node at Måsskolan, which has coordinates and no municipality of its own."""
    registry.add_site(Site(id="masskolan", name="Måsskolan", latitude=57.31, longitude=12.13))
    made = FakeNode("masskolan-1")
    made.register(registry, "masskolan", _START - timedelta(days=1))
    return made


class Watch:
    """What the figures' clock shows; moved by hand."""

    def __init__(self) -> None:
        self.now = _START + timedelta(hours=3)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def watch() -> Watch:
    """A clock that stands."""
    return Watch()


@pytest.fixture
def config(influx: Influx) -> InfluxDB:
    """A new database."""
    return influx.new_config()


@pytest.fixture
def made(
    config: InfluxDB, engine: Engine, ledger: Ledger, watch: Watch
) -> Iterator[Callable[[], Forwarder]]:
    """Makes forwarders, as collectors that start one after the other would."""
    forwarders: list[Forwarder] = []

    def make() -> Forwarder:
        figures = Figures(ledger, NO_CALENDAR, "Kungsbacka", clock=watch)
        output = InfluxOutput(config)
        forwarders.append(
            Forwarder(ledger, ledger.registry, output, OutputRejects(engine), figures=figures)
        )
        return forwarders[-1]

    yield make
    for forwarder in forwarders:
        forwarder.stop()


@pytest.fixture
def forwarder(made: Callable[[], Forwarder]) -> Forwarder:
    """The first of them."""
    return made()


@pytest.fixture
def rows(influx: Influx, config: InfluxDB) -> Callable[[str], list[dict[str, Any]]]:
    """Rows of a measurement."""
    return lambda name: influx.query(config.bucket, " ".join(("SELECT * FROM", f"hours.{name}")))


def _pass_by(ledger: Ledger, node: FakeNode, *minutes: float) -> None:
    """Append passes of a moped."""
    ledger.append([
        node.signed(event(node.name, _START + timedelta(minutes=minute), source=_MOPED))
        for minute in minutes
    ])  # fmt: skip


def _episodes(rows: Callable[[str], list[dict[str, Any]]]) -> list[tuple[datetime, int]]:
    return [
        (datetime.fromtimestamp(row["time"] / 1e9, UTC), row["passes"]) for row in rows("episode")
    ]


def test_a_late_event_leaves_no_episode_that_no_longer_holds(
    ledger: Ledger,
    node: FakeNode,
    watch: Watch,
    forwarder: Forwarder,
    rows: Callable[[str], list[dict[str, Any]]],
) -> None:
    _pass_by(ledger, node, 10, 12, 14, 16, 18)
    forward_figures(forwarder)
    assert _episodes(rows) == [(_START + timedelta(minutes=10), 5)]
    _pass_by(ledger, node, 6)
    watch.now += SOON
    forward_figures(forwarder)
    assert _episodes(rows) == [(_START + timedelta(minutes=6), 6)]
    assert rows("site_day")[0]["episodes"] == 1


def test_it_is_not_asked_for_more_often_than_it_changes(
    ledger: Ledger, node: FakeNode, watch: Watch, forwarder: Forwarder
) -> None:
    _pass_by(ledger, node, 10)
    assert forward_figures(forwarder) > 5
    assert forward_figures(forwarder) == 0
    watch.now += SOON
    assert forward_figures(forwarder) == 1, "how the nodes do"
    watch.now += LATER
    assert forward_figures(forwarder) == 2, "and how the sites do"


def test_what_the_registry_gains_and_loses_follows(
    influx: Influx,
    config: InfluxDB,
    ledger: Ledger,
    node: FakeNode,
    registry: Registry,
    watch: Watch,
    forwarder: Forwarder,
    rows: Callable[[str], list[dict[str, Any]]],
) -> None:
    _pass_by(ledger, node, 10)
    forward_figures(forwarder)
    assert {row["municipality"] for row in influx.query(config.bucket, "SELECT * FROM site")} == {
        "Kungsbacka"
    }
    assert rows("patrol") == rows("guideline") == []
    number = registry.add_patrol(
        Patrol(site="masskolan", start=_START, end=_START + timedelta(hours=2), note="två bilar")
    )
    registry.set_guideline(
        Guideline(site="masskolan", quantity="laeq_24h", value_db=55.0, source="a test")
    )
    watch.now += LATER
    forward_figures(forwarder)
    (patrol,) = rows("patrol")
    assert (patrol["id"], patrol["note"], patrol["duration_s"]) == (number, "två bilar", 7200)
    assert {row["value_db"] for row in rows("guideline")} == {55.0}
    registry.remove_patrol(number)
    watch.now += LATER
    forward_figures(forwarder)
    assert rows("patrol") == []


def test_a_restart_goes_on_where_the_last_one_stood(
    ledger: Ledger,
    node: FakeNode,
    made: Callable[[], Forwarder],
    rows: Callable[[str], list[dict[str, Any]]],
) -> None:
    _pass_by(ledger, node, 10, 12, 14, 16, 18)
    forward_figures(made())
    assert ledger.cursor("influxdb/days") == ledger.cursor("influxdb/weeks") == 5
    _pass_by(ledger, node, 20)
    forward_figures(made())
    assert ledger.cursor("influxdb/days") == 6
    assert _episodes(rows) == [(_START + timedelta(minutes=10), 6)]


def test_what_could_not_be_written_is_due_again(
    influx: Influx,
    ledger: Ledger,
    node: FakeNode,
    forwarder: Forwarder,
    rows: Callable[[str], list[dict[str, Any]]],
) -> None:
    _pass_by(ledger, node, 10, 12, 14, 16, 18)
    influx.answers.extend([(503, None)])
    with pytest.raises(OutputUnavailableError, match="answers 503"):
        forwarder.step_figures()
    assert ledger.cursor("influxdb/days") == 0
    influx.kill()
    with pytest.raises(OutputUnavailableError):
        forwarder.step_figures()
    influx.start()
    forward_figures(forwarder)
    assert _episodes(rows) == [(_START + timedelta(minutes=10), 5)]


def test_twice_is_as_once_and_a_refill_brings_all_back(
    influx: Influx,
    engine: Engine,
    ledger: Ledger,
    node: FakeNode,
    watch: Watch,
    config: InfluxDB,
    made: Callable[[], Forwarder],
) -> None:
    ledger.append([
        node.signed(levels(node.name, _START + timedelta(minutes=minute), 50.0))
        for minute in range(90)
    ])  # fmt: skip
    _pass_by(ledger, node, 10, 12, 14, 16, 18, 70, 72, 74, 76, 78)
    ledger.append([node.signed(health(node.name, _START))])
    forwarder = made()
    while forwarder.step():
        pass
    forward_figures(forwarder)
    before = content(influx, config.bucket)
    assert len(before["episode"]) == 2
    assert before["site_week"]
    assert before["hour_of_week"]
    ledger.set_cursor("influxdb/days", 0)
    ledger.set_cursor("influxdb/weeks", 0)
    forward_figures(made())
    assert content(influx, config.bucket) == before
    emptied = influx.new_config()
    output = InfluxOutput(emptied)
    figures = Figures(ledger, NO_CALENDAR, "Kungsbacka", clock=watch)
    Replay(engine, ledger, output, figures).run(_START - timedelta(days=2), watch.now)
    output.close()
    assert content(influx, emptied.bucket) == before


def test_an_influxdb_that_deletes_nothing_is_told_of_once(
    influx: Influx,
    ledger: Ledger,
    node: FakeNode,
    config: InfluxDB,
    forwarder: Forwarder,
    rows: Callable[[str], list[dict[str, Any]]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    for policy in ("hours", "seconds"):
        influx.query(config.bucket, f'CREATE DATABASE "{config.bucket}"')
        influx.query(
            config.bucket,
            f'CREATE RETENTION POLICY "{policy}" ON "{config.bucket}" DURATION INF REPLICATION 1',
        )
    influx.read_only_schema = True
    try:
        _pass_by(ledger, node, 10, 12, 14, 16, 18)
        forward_figures(forwarder)
    finally:
        influx.read_only_schema = False
    assert len(_episodes(rows)) == 1
    assert caplog.text.count("lets nothing be deleted") == 1


def test_a_node_that_fell_silent_or_never_spoke(
    influx: Influx,
    ledger: Ledger,
    node: FakeNode,
    registry: Registry,
    watch: Watch,
    config: InfluxDB,
    forwarder: Forwarder,
) -> None:
    FakeNode("masskolan-2").register(registry, "masskolan", _START)
    ledger.append([node.signed(health(node.name, _START, microphone="dead"))])
    ledger.set_online(node.name, False, _START)
    watch.now = datetime.now(UTC) + timedelta(hours=1)
    forward_figures(forwarder)
    found = influx.query(config.bucket, "SELECT * FROM seconds.node_status")
    by_node = {row["node"]: row for row in found}
    assert by_node["masskolan-1"]["silent_s"] == pytest.approx(3600, abs=60)
    assert (by_node["masskolan-1"]["online"], by_node["masskolan-1"]["microphone_ok"]) == (0, 0)
    hung_s = (watch.now - _START).total_seconds()
    assert by_node["masskolan-2"]["silent_s"] == pytest.approx(hung_s)
    assert by_node["masskolan-2"]["online"] is None


def test_a_site_of_which_only_older_things_are_known_does_no_harm(
    ledger: Ledger,
    node: FakeNode,
    registry: Registry,
    watch: Watch,
    forwarder: Forwarder,
    rows: Callable[[str], list[dict[str, Any]]],
) -> None:
    registry.set_guideline(
        Guideline(site="masskolan", quantity="laeq_24h", value_db=55.0, source="a test")
    )
    _pass_by(ledger, node, 10, 12, 14, 16, 18)
    # The day on which the last year begins, but an hour of it that lies before.
    watch.now = _START + timedelta(weeks=52, hours=3)
    forward_figures(forwarder)
    assert len(_episodes(rows)) == 1
    assert rows("guideline") == []
