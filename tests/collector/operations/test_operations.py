"""How a collector says how it does: what is wrong, and when only a restart helps."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from collector import config
from collector.alert_config import Alerts
from collector.alerts.situation import ServerNow
from collector.alerts.task import AlertTask
from collector.config import Page
from collector.database.database import open_database, reading, writing
from collector.database.tables import heartbeat
from collector.errors import LedgerError
from collector.forwarder import Forwarder
from collector.intake.live import LiveReadings
from collector.intake.subscriber import Subscriber
from collector.ledger.ledger import AppendResult, Ledger, Received
from collector.operations import operations
from collector.operations.heartbeat import Heartbeat
from collector.operations.operations import Operations
from collector.outputs import OutputRejects
from collector.outputs.influx import InfluxOutput
from collector.registry.registry import Registry
from tests.collector.conftest import ONLY_SQLITE
from tests.peers import Broker, FakeNode, event, free_port, wait_for

START = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)


class FaultyLedger(Ledger):
    """A ledger that fails or hangs when something is appended, as no ledger should."""

    fault: Exception | None = None

    def __init__(self, engine: Engine, registry: Registry) -> None:
        super().__init__(engine, registry)
        self.go_on = threading.Event()

    def append(self, batch: Sequence[Received]) -> AppendResult:
        """Fail, or wait until told to go on."""
        if self.fault is not None:
            raise self.fault
        self.go_on.wait(30)
        return super().append(batch)


@pytest.fixture
def faulty(engine: Engine, registry: Registry) -> FaultyLedger:
    """It has done nothing yet."""
    return FaultyLedger(engine, registry)


@pytest.fixture
def node(registry: Registry, broker: Broker) -> Iterator[FakeNode]:
    """A registered node, connected to the broker."""
    made = FakeNode("ekskolan-1")
    made.register(registry, "ekskolan", START)
    made.connect(broker.host, broker.port)
    yield made
    made.close()


@pytest.fixture
def subscriber(broker: Broker, faulty: FaultyLedger) -> Iterator[Subscriber]:
    """A subscriber at work."""
    started = Subscriber(config.Broker(port=broker.port), faulty, LiveReadings())
    started.start()
    yield started
    faulty.go_on.set()
    started.stop()


def parts(watched: Operations) -> list[str]:
    """What has a problem."""
    return [problem.part for problem in watched.problems()]


def test_a_heartbeat_is_written(engine: Engine, subscriber: Subscriber) -> None:
    before = datetime.now(UTC)
    watched = Operations(Heartbeat(engine, "one"), subscriber)
    watched.look()
    Heartbeat(engine, "two").beat()
    watched.look()
    with reading(engine) as connection:
        rows = connection.execute(select(heartbeat).order_by(heartbeat.c.collector)).all()
    assert [row.collector for row in rows] == ["one", "two"]
    assert all(before <= row.at <= datetime.now(UTC) for row in rows)
    assert watched.is_live
    assert watched.problems() == []


def test_a_ledger_that_cannot_store_is_seen_before_anything_comes(
    database_url: str, subscriber: Subscriber
) -> None:
    impatient, holder = open_database(database_url, busy_timeout_s=0.1), open_database(database_url)
    watched = Operations(Heartbeat(impatient, "one"), subscriber)
    with writing(holder):
        watched.look()
        (problem,) = watched.problems()
        assert problem.part == "ledger"
        assert "another program is writing to it" in problem.text
        # To start anew would not help.
        assert watched.is_live
    watched.look()
    assert watched.problems() == []
    impatient.dispose()
    holder.dispose()


@ONLY_SQLITE
def test_a_broker_that_is_away_is_named(
    engine: Engine, subscriber: Subscriber, broker: Broker
) -> None:
    watched = Operations(Heartbeat(engine, "one"), subscriber)
    broker.kill()
    wait_for(lambda: parts(watched) == ["broker"])
    assert f"127.0.0.1:{broker.port} is away" in watched.problems()[0].text
    assert watched.is_live


@ONLY_SQLITE
def test_a_fault_in_the_intake_needs_a_restart(
    engine: Engine, subscriber: Subscriber, faulty: FaultyLedger, node: FakeNode
) -> None:
    faulty.fault = ZeroDivisionError("a fault of ours")
    watched = Operations(Heartbeat(engine, "one"), subscriber)
    assert watched.failure is None
    node.publish(node.signed(event(node.name, START)))
    wait_for(lambda: watched.failure)
    assert watched.failure == (
        "the collector's intake has failed (ZeroDivisionError: a fault of ours)"
    )
    assert not watched.is_live
    assert parts(watched) == ["collector"]


@ONLY_SQLITE
def test_an_intake_that_hangs_is_seen(
    engine: Engine,
    subscriber: Subscriber,
    faulty: FaultyLedger,
    node: FakeNode,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(operations, "PATIENCE_S", 0.3)
    watched = Operations(Heartbeat(engine, "one"), subscriber)
    node.publish(node.signed(event(node.name, START)))
    wait_for(lambda: subscriber.lag)
    watched.look()

    def live() -> bool:
        watched.look()
        return watched.is_live

    wait_for(lambda: not live())
    assert watched.failure is None
    assert parts(watched) == ["collector"]
    faulty.go_on.set()
    wait_for(live)


@ONLY_SQLITE
def test_a_thread_that_has_ended_is_seen(engine: Engine, subscriber: Subscriber) -> None:
    watched = Operations(Heartbeat(engine, "one"), subscriber)
    subscriber.stop()
    assert "a thread of it has ended" in str(watched.failure)


@ONLY_SQLITE
def test_an_output_that_is_away_for_long_is_a_problem(
    engine: Engine,
    ledger: Ledger,
    subscriber: Subscriber,
    node: FakeNode,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger.append([node.signed(event(node.name, START))])
    output = InfluxOutput(config.InfluxDB(url=f"http://127.0.0.1:{free_port()}"))
    forwarder = Forwarder(ledger, ledger.registry, output, OutputRejects(engine))
    watched = Operations(Heartbeat(engine, "one"), subscriber, [forwarder])
    forwarder.start()
    wait_for(lambda: forwarder.state.failing)
    assert parts(watched) == []
    monkeypatch.setattr(operations, "STUCK", timedelta(0))
    (problem,) = watched.problems()
    assert (problem.part, "cannot be reached" in problem.text) == ("influxdb", True)
    assert watched.is_live
    forwarder.stop()


@ONLY_SQLITE
def test_what_it_saw_at_each_look_tells_since_when(
    engine: Engine, subscriber: Subscriber, broker: Broker
) -> None:
    watched = Operations(Heartbeat(engine, "one"), subscriber)
    watched.look()
    heard_since = watched.hears_since
    assert heard_since is not None
    watched.look()
    assert (watched.hears_since, watched.problems_since) == (heard_since, {})
    broker.kill()
    wait_for(lambda: parts(watched) == ["broker"])
    watched.look()
    since = watched.problems_since["broker"]
    watched.look()
    assert (watched.hears_since, watched.problems_since) == (None, {"broker": since})


@ONLY_SQLITE
def test_alerts_that_nobody_sends_are_a_problem(
    engine: Engine, ledger: Ledger, subscriber: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Operations(Heartbeat(engine, "one"), subscriber)

    def server() -> ServerNow:
        raise LedgerError("the ledger cannot be read")

    watched.alerts = AlertTask(engine, ledger, Alerts(every_s=0.05), Page(), server)
    (problem,) = watched.problems()
    assert (problem.part, "nobody is alerted any more" in problem.text) == ("alerts", True)
    watched.alerts.start()
    wait_for(lambda: watched.alerts and watched.alerts.state.failing)
    assert watched.problems() == []
    monkeypatch.setattr(operations, "STUCK", timedelta(0))
    assert [one.text for one in watched.problems()] == ["the ledger cannot be read"]
    assert watched.is_live
    watched.alerts.stop()
