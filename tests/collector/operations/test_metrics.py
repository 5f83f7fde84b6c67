"""What Prometheus is told agrees with the ledger, and keeps to its conventions."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine

from collector.alert_config import Alerts
from collector.alerts.situation import ServerNow
from collector.alerts.task import AlertTask
from collector.config import Broker as BrokerConfig
from collector.config import InfluxDB, Page
from collector.forwarder import Forwarder
from collector.intake.live import LiveReadings
from collector.intake.subscriber import Subscriber
from collector.ledger.ledger import Ledger
from collector.operations import metrics as module
from collector.operations.heartbeat import Heartbeat
from collector.operations.lag import BOUNDS_S
from collector.operations.metrics import Metrics
from collector.operations.operations import Operations
from collector.outputs import OutputRejects
from collector.outputs.influx import InfluxOutput
from collector.registry.registry import Registry
from tests.collector.conftest import ONLY_SQLITE
from tests.peers import Broker, FakeNode, event, free_port, health, levels

DOCUMENT = Path(__file__).parents[3] / "docs" / "operations.md"
NOW = datetime.now(UTC).replace(microsecond=0)
# Prometheus, "Metric and label naming": base units, and what is counted ends with _total.
UNITS = ("_seconds", "_bytes", "_messages", "_points", "_nodes", "_info", "_total")
STATES = {"skolro_ready", "skolro_ledger_writable", "skolro_broker_connected",
          "skolro_forwarder_up", "skolro_node_online", "skolro_nodes_without_series",
          "skolro_alerts_open", "skolro_alerts_up"}  # fmt: skip


@pytest.fixture
def node(registry: Registry) -> FakeNode:
    """A node at Ekskolan."""
    made = FakeNode("ekskolan-1")
    made.register(registry, "ekskolan", NOW - timedelta(days=1))
    return made


def samples(metrics: Metrics) -> dict[str, float]:
    """Every sample by its name and label values."""
    text, media_type = metrics.exposition("")
    assert media_type.startswith("text/plain")
    return {
        " ".join((sample.name, *sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_it_tells_what_the_ledger_holds(engine: Engine, ledger: Ledger, node: FakeNode) -> None:
    metrics = Metrics(engine, ledger)
    stored = [
        node.signed(message)
        for message in (
            levels(node.name, NOW), event(node.name, NOW), event(node.name, NOW),
            health(node.name, NOW, outbox_depth=9, clock_offset_s=-0.5),
        )
    ]  # fmt: skip
    lost = stored.pop(1)
    ledger.append([*stored, FakeNode("nobody-1").signed(event("nobody-1", NOW))])
    ledger.set_online(node.name, online=True, at=NOW)
    told = samples(metrics)
    assert {kind: told[f"skolro_messages_total {kind}"] for kind in ("levels", "event")} == {
        "levels": 1, "event": 1
    }  # fmt: skip
    assert told["skolro_quarantine_messages unknown_node"] == 1
    of_node = {
        "outbox_messages": 9.0, "clock_offset_seconds": -0.5, "disk_free_bytes": 1e10,
        "online": 1.0, "unacknowledged_messages": 3.0,
    }  # fmt: skip
    assert {name: told[f"skolro_node_{name} {node.name}"] for name in of_node} == of_node
    assert told["skolro_nodes"] == 1
    assert not any("nobody-1" in name for name in told)
    ledger.append([lost])
    assert samples(metrics)[f"skolro_node_unacknowledged_messages {node.name}"] == 0


@settings(
    deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(lags_s=st.lists(st.floats(-100, 200_000), max_size=8))
def test_the_lag_is_that_of_each_message(
    engine: Engine, registry: Registry, lags_s: list[float]
) -> None:
    ledger = Ledger(engine, registry)
    name = f"node-{len(registry.inventory().nodes)}"
    peer = FakeNode(name)
    peer.register(registry, "ekskolan", NOW - timedelta(days=9))
    made = [event(name, NOW + timedelta(seconds=i)) for i in range(len(lags_s))]
    sent = [
        peer.signed(one, received_at=one.time + timedelta(seconds=lag_s))
        for one, lag_s in zip(made, lags_s, strict=True)
    ]
    metrics = Metrics(engine, ledger)
    for part in (sent[:3], sent[3:]):
        ledger.append(part)
        metrics.lag.advance()
    told = samples(metrics)
    in_microseconds = [max(0, round(lag_s * 1e6)) for lag_s in lags_s]
    expected = {
        f"skolro_message_lag_seconds_bucket event {bound}": float(
            sum(lag <= bound * 1e6 for lag in in_microseconds)
        )
        for bound in BOUNDS_S
    }
    found = {name: told[name] for name in expected if lags_s}
    assert found == (expected if lags_s else {})
    if lags_s:
        assert told["skolro_message_lag_seconds_sum event"] == pytest.approx(
            sum(in_microseconds) / 1e6
        )


@ONLY_SQLITE
def test_what_was_there_before_is_not_counted_as_late(
    engine: Engine, ledger: Ledger, node: FakeNode
) -> None:
    ledger.append([node.signed(event(node.name, NOW))])
    metrics = Metrics(engine, ledger)
    metrics.lag.advance()
    assert not [name for name in samples(metrics) if "lag" in name]


@pytest.fixture
def watched(engine: Engine, ledger: Ledger, node: FakeNode, broker: Broker) -> Metrics:
    """Metrics of a collector whose forwarder has got one of three messages, its disk full."""
    for minutes in (9, 5, 1):
        received_at = datetime.now(UTC) - timedelta(minutes=minutes)
        ledger.append([node.signed(event(node.name, NOW), received_at)])
    ledger.set_cursor("influxdb", 1)
    output = InfluxOutput(InfluxDB(url=f"http://127.0.0.1:{free_port()}"))
    forwarder = Forwarder(ledger, ledger.registry, output, OutputRejects(engine))
    metrics = Metrics(engine, ledger)
    subscriber = Subscriber(
        BrokerConfig(port=broker.port), ledger, LiveReadings(), metrics.confirmed
    )
    operations = Operations(Heartbeat(engine, "one"), subscriber, [forwarder])
    server = ServerNow(name="one", hears_since=None, free_bytes=1, problems={})
    operations.alerts = AlertTask(engine, ledger, Alerts(), Page(), lambda: server)
    operations.alerts.step(datetime.now(UTC))
    metrics.watch(operations)
    metrics.confirmed(0.003)
    metrics.confirmed(-1.0)
    return metrics


@ONLY_SQLITE
def test_it_tells_how_far_forwarding_is(watched: Metrics) -> None:
    told = samples(watched)
    assert told["skolro_forwarder_backlog_messages influxdb"] == 2
    assert told["skolro_forwarder_delay_seconds influxdb"] == pytest.approx(300, abs=60)
    assert told["skolro_forwarder_up influxdb"] == 1
    assert told["skolro_forwarder_points_total influxdb"] == 0
    assert told["skolro_ack_delay_seconds_bucket 0.005"] == 2
    assert (told["skolro_broker_connected"], told["skolro_ready"]) == (0, 0)


@ONLY_SQLITE
def test_it_tells_what_is_alerted_and_what_waits(watched: Metrics) -> None:
    told = samples(watched)
    assert told["skolro_alerts_open disk"] == 1
    assert told["skolro_alerts_open episode"] == 0
    assert told["skolro_alerts_waiting_messages"] == told["skolro_alerts_sent_messages_total"] == 0
    # Its thread was never started.
    assert told["skolro_alerts_up"] == 0
    assert told["skolro_alerts_judged_timestamp_seconds"] >= NOW.timestamp()


@ONLY_SQLITE
@pytest.mark.parametrize(
    ("accept", "parse"),
    [
        ("", text_string_to_metric_families),
        ("application/openmetrics-text; version=1.0.0", open_metrics),
    ],
)
def test_names_keep_to_the_conventions_in_both_formats(
    watched: Metrics, accept: str, parse: Callable[[str], object]
) -> None:
    text, media_type = watched.exposition(accept)
    assert media_type.startswith(accept.partition(";")[0] or "text/plain")
    assert parse is not None
    families = list(parse(text.decode()))  # type: ignore[call-overload]  # the parsers have no types
    names = [family.name for family in families]
    assert len(names) == len(set(names))
    # Those of the process are the library's.
    for family in (one for one in families if one.name.startswith("skolro")):
        assert family.documentation
        # Of counters the parser leaves out _total, and _created is the library's.
        if family.type not in {"counter", "info"} and not family.name.endswith("_created"):
            assert family.name.endswith(UNITS) or family.name in STATES, family.name
        assert re.fullmatch(r"skolro_[a-z_]+", family.name)
        assert all(set(one.labels) <= {"kind", "reason", "node", "output", "le", "version"}
                   for one in family.samples)  # fmt: skip


@ONLY_SQLITE
def test_the_document_names_every_metric_and_no_other(watched: Metrics) -> None:
    text = watched.exposition("")[0].decode()
    told = set(re.findall(r"^# TYPE (skolro_\w+)", text, re.MULTILINE))
    named = set(re.findall(r"`(skolro_[a-z_]+)`", DOCUMENT.read_text(encoding="utf-8")))
    assert named == {name for name in told if not name.endswith("_created")}


@ONLY_SQLITE
def test_many_nodes_do_not_become_many_series(
    engine: Engine, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_NODES", 2)
    for number in range(5):
        FakeNode(f"node-{number}").register(ledger.registry, "ekskolan", NOW)
    told = samples(Metrics(engine, ledger))
    assert [name for name in told if name.startswith("skolro_node_online")] == [
        "skolro_node_online node-0", "skolro_node_online node-1"
    ]  # fmt: skip
    assert (told["skolro_nodes"], told["skolro_nodes_without_series"]) == (5, 3)
