"""Every query of every panel, run against a real InfluxDB, returns the numbers of the ledger."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from collector.config import InfluxDB
from collector.database.database import open_database
from collector.forwarder import Forwarder
from collector.ledger.ledger import Ledger
from collector.outputs import OutputRejects
from collector.outputs.influx import InfluxOutput
from collector.registry.registry import Registry, Site
from dashboards.grafana.build import rendered
from sensor.contract.messages import Event, Health, LevelBatch, Message
from tests.collector.outputs.town import (
    MINUTES,
    NODES,
    mean_db,
    means_by,
    messages_of,
    seconds_of,
    signed_town,
    start_of_town,
)
from tests.influx import Influx, running
from tests.peers import FakeNode, levels

_ALL = ".*"
_SIMULATED_NODE = "askolan-2"


@dataclass(frozen=True)
class Town:
    """An InfluxDB that the forwarder filled, and what was measured."""

    influx: Influx
    start: datetime
    made: dict[str, list[Message]]

    def rows(self, query: str, **chosen: str) -> list[dict[str, Any]]:
        """Run a query as Grafana would, with these values of its variables (all unless told)."""
        end = self.start + timedelta(minutes=MINUTES, hours=2)
        filled = query.replace(
            "$timeFilter", f"time >= {_ms(self.start)}ms AND time <= {_ms(end)}ms"
        ).replace("$__interval", "10m")
        for name in ("site", "node", "source"):
            filled = filled.replace(f"${{{name}:regex}}", chosen.get(name, _ALL))
        assert "$" not in filled.replace("$/", "")
        return self.influx.query("skolro", filled)

    def events(self) -> list[Event]:
        """All events."""
        return [m for made in self.made.values() for m in made if isinstance(m, Event)]


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Two nodes that measured, and one that is simulated."""
    engine = open_database(f"sqlite:///{tmp_path_factory.mktemp('town')}/ledger.sqlite")
    ledger = Ledger(engine, Registry(engine))
    for site in NODES.values():
        ledger.registry.add_site(Site(id=site, name=site))
    start = start_of_town()
    ledger.append(signed_town(start, ledger))
    simulated = FakeNode(_SIMULATED_NODE)
    simulated.register(ledger.registry, "askolan", start)
    history = levels(_SIMULATED_NODE, start, 66.0, interval_s=60, flags=("simulated",))
    ledger.append([simulated.signed(history)])
    for influx in running():
        output = InfluxOutput(InfluxDB(url=influx.url))
        forwarder = Forwarder(ledger, ledger.registry, output, OutputRejects(engine))
        while forwarder.step():
            pass
        forwarder.stop()
        yield Town(influx, start, {node: messages_of(node, start) for node in NODES})
    engine.dispose()


def _panels() -> dict[str, dict[str, Any]]:
    dashboard = json.loads(rendered()["sites.json"])
    return {
        panel["title"].rpartition(" / ")[2]: panel
        for panel in dashboard["panels"]
        if panel["type"] != "row"
    }


PANELS = _panels()


def _query(title: str, reference: str = "A") -> str:
    (query,) = (t["query"] for t in PANELS[title]["targets"] if t["refId"] == reference)
    return str(query)


def _by_node(rows: list[dict[str, Any]], value: str) -> dict[str, float]:
    assert len({row["node"] for row in rows}) == len(rows)
    return {row["node"]: row[value] for row in rows}


def _valid_seconds(town: Town, node: str) -> int:
    return len(seconds_of(town.made[node]))


@pytest.mark.parametrize("title", PANELS)
def test_every_query_runs_and_every_panel_shows_something(town: Town, title: str) -> None:
    for target in PANELS[title]["targets"]:
        assert town.rows(target["query"])


@pytest.mark.parametrize("title", PANELS)
def test_every_query_obeys_the_chosen_node_and_site(town: Town, title: str) -> None:
    for target in PANELS[title]["targets"]:
        assert town.rows(target["query"], site="no-such-site") == []
        for node, site in NODES.items():
            rows = town.rows(target["query"], node=f"({node})", site=f"(other|{site})")
            assert {row.get("node", node) for row in rows} <= {node}


@pytest.mark.parametrize("title", [t for t in PANELS if 'FROM "event"' in _query(t)])
def test_event_queries_obey_the_chosen_source(town: Town, title: str) -> None:
    assert town.rows(_query(title), source="siren") == []
    assert town.rows(_query(title), source="(moped_motorcycle|voices)") == town.rows(_query(title))


def test_the_variables_offer_what_there_is(town: Town) -> None:
    dashboard = json.loads(rendered()["sites.json"])
    offered = {
        variable["name"]: {row["value"] for row in town.rows(variable["query"])}
        for variable in dashboard["templating"]["list"]
    }
    assert offered == {
        "site": set(NODES.values()),
        "node": {*NODES, _SIMULATED_NODE},
        "source": {event.source.kind for event in town.events()},
    }
    (nodes,) = (v for v in dashboard["templating"]["list"] if v["name"] == "node")
    chosen = {row["value"] for row in town.rows(nodes["query"], site="(ekskolan)")}
    assert chosen == {"ekskolan-1"}


def test_events(town: Town) -> None:
    counted = Counter(event.node for event in town.events())
    assert _by_node(town.rows(_query("Events")), "count") == counted


def test_highest_level(town: Town) -> None:
    highest = _by_node(town.rows(_query("Highest level")), "max")
    wanted = {
        node: max(
            level
            for batch in made
            if isinstance(batch, LevelBatch)
            for level in batch.lafmax_db
            if level is not None
        )
        for node, made in town.made.items()
    }
    assert highest == {**wanted, _SIMULATED_NODE: 72.0}


def test_equivalent_level(town: Town) -> None:
    levels_db = _by_node(town.rows(_query("Equivalent level")), "LAeq")
    for node, made in town.made.items():
        assert levels_db[node] == pytest.approx(mean_db(seconds_of(made).values()), abs=1e-6)
    assert levels_db[_SIMULATED_NODE] == pytest.approx(66.0)


def test_time_measured_and_simulated(town: Town) -> None:
    measured = _by_node(town.rows(_query("Time measured")), "sum")
    assert measured == {
        **{node: _valid_seconds(town, node) for node in NODES},
        _SIMULATED_NODE: 3600,
    }
    assert [row["sum"] for row in town.rows(_query("Simulated time"))] == [3600]
    assert town.rows(_query("Simulated time"), node="(ekskolan-1)") == []


@pytest.mark.parametrize(
    ("title", "column", "period_s"),
    [
        ("Sound level", "LAeq", 600),
        ("Sound level by the second", "log10", 600),
        ("Equivalent level by the hour", "LAeq", 3600),
    ],
)
def test_levels_over_time(town: Town, title: str, column: str, period_s: int) -> None:
    rows = [row for row in town.rows(_query(title)) if row[column] is not None]
    for node, made in town.made.items():
        got = {row["time"] // 10**9: row[column] for row in rows if row["node"] == node}
        means = means_by(seconds_of(made), period_s)
        assert got == pytest.approx({at: mean for at, (mean, _) in means.items()}, abs=1e-6)


def test_level_by_hour_of_day(town: Town) -> None:
    got = {row["hour"]: row["LAeq"] for row in town.rows(_query("Level by hour of day"))}
    assert len(got) == 3
    assert all(re.fullmatch(r"[01]\d|2[0-3]", hour) for hour in got)


def test_events_over_time_and_by_source(town: Town) -> None:
    counted = Counter(event.source.kind for event in town.events())
    over_time: Counter[str] = Counter()
    for row in town.rows(_query("Events over time")):
        over_time[row["source"]] += row["count"]
    assert over_time == counted
    by_source = {row["source"]: row["count"] for row in town.rows(_query("Sources"))}
    assert by_source == counted


def test_speeds(town: Town) -> None:
    got = sorted(row["speed_kmh"] for row in town.rows(_query("Speed (indicative)")))
    assert got == sorted(event.speed.speed_kmh for event in town.events() if event.speed)


def test_latest_events(town: Town) -> None:
    rows = town.rows(_query("Latest events"))
    newest_first = sorted(town.events(), key=lambda event: event.start, reverse=True)
    assert {row["id"] for row in rows} == {event.id for event in newest_first}
    assert [row["time"] for row in rows] == sorted((row["time"] for row in rows), reverse=True)
    by_id = {row["id"]: row for row in rows}
    for event in newest_first:
        assert by_id[event.id]["lafmax_db"] == event.lafmax_db
        assert by_id[event.id]["site"] == NODES[event.node]


def test_nodes_show_their_last_report(town: Town) -> None:
    last = {
        node: [m for m in made if isinstance(m, Health)][-1] for node, made in town.made.items()
    }
    rows = {row["node"]: row for row in town.rows(_query("Nodes"))}
    assert rows.keys() == last.keys()
    for node, report in last.items():
        assert rows[node]["time"] == _ms(report.time) * 10**6
        assert rows[node]["outbox_depth"] == report.outbox_depth
        assert rows[node]["microphone"] == report.microphone


def test_outbox_and_coverage(town: Town) -> None:
    deepest: defaultdict[str, int] = defaultdict(int)
    for row in town.rows(_query("Outbox of the nodes")):
        deepest[row["node"]] = max(deepest[row["node"]], row["max"] or 0)
    assert deepest == dict.fromkeys(NODES, MINUTES - 5)
    covered: Counter[str] = Counter()
    for row in town.rows(_query("Coverage")):
        covered[row["node"]] += row["sum"]
    assert covered[_SIMULATED_NODE] == 3600
    assert {node: covered[node] for node in NODES} == {
        node: _valid_seconds(town, node) for node in NODES
    }
