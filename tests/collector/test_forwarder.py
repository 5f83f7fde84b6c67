"""The forwarder: nothing is lost on the way to a real InfluxDB, whatever happens to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import Engine

from collector.config import InfluxDB
from collector.forwarder import Forwarder
from collector.ledger.ledger import Ledger, LevelHour, StoredMessage
from collector.outputs import (
    OutputRejects,
    OutputUnavailableError,
    RejectedLine,
    Stretch,
    WriteResult,
)
from collector.outputs.influx import InfluxOutput
from collector.registry.registry import Registry
from tests.collector.conftest import ONLY_SQLITE
from tests.influx import Influx, content, running
from tests.peers import FakeNode, event, health, levels, wait_for

_START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)


@pytest.fixture
def influx() -> Iterator[Influx]:
    """A real InfluxDB that may be killed."""
    yield from running()


@pytest.fixture
def rejects(engine: Engine) -> OutputRejects:
    """Where refused lines go."""
    return OutputRejects(engine)


@pytest.fixture
def node(registry: Registry) -> FakeNode:
    """A node at Ekskolan."""
    made = FakeNode("ekskolan-1")
    made.register(registry, "ekskolan", _START - timedelta(days=1))
    return made


@pytest.fixture
def forwarder(influx: Influx, ledger: Ledger, rejects: OutputRejects) -> Iterator[Forwarder]:
    """A forwarder that is not started."""
    output = InfluxOutput(InfluxDB(url=influx.url, timeout_s=5.0))
    made = Forwarder(ledger, ledger.registry, output, rejects, batch_size=10)
    yield made
    made.stop()


def _send(ledger: Ledger, node: FakeNode, first: int, last: int) -> None:
    """Append what the node measures in these minutes: levels, and an event each."""
    for minute in range(first, last):
        at = _START + timedelta(minutes=minute)
        ledger.append([node.signed(levels(node.name, at)), node.signed(event(node.name, at))])


def _all_forwarded(forwarder: Forwarder, ledger: Ledger) -> None:
    wait_for(lambda: forwarder.state.position == ledger.counts().messages, 40.0)


def _rows(influx: Influx, table: str) -> int:
    return len(influx.query("skolro", " ".join(("SELECT laeq_db FROM", table))))


def test_the_cursor_moves_with_what_was_written(
    influx: Influx, ledger: Ledger, node: FakeNode, forwarder: Forwarder
) -> None:
    _send(ledger, node, 0, 6)
    assert forwarder.step() == 10
    assert (ledger.cursor("influxdb"), forwarder.state.position) == (10, 10)
    assert forwarder.step() == 2
    assert forwarder.step() == 0
    assert forwarder.state.messages == 12
    assert _rows(influx, "event") == 6


def test_a_restarted_forwarder_goes_on_where_the_last_one_stood(
    influx: Influx, ledger: Ledger, node: FakeNode, forwarder: Forwarder, rejects: OutputRejects
) -> None:
    _send(ledger, node, 0, 6)
    forwarder.step()
    output = InfluxOutput(InfluxDB(url=influx.url))
    second = Forwarder(ledger, ledger.registry, output, rejects)
    assert second.state.position == 10
    assert second.step() == 2
    second.stop()


def test_killing_influxdb_loses_nothing(
    influx: Influx, ledger: Ledger, node: FakeNode, forwarder: Forwarder
) -> None:
    forwarder.start()
    _send(ledger, node, 0, 20)
    wait_for(lambda: forwarder.state.messages >= 10, 20.0)
    influx.kill()
    _send(ledger, node, 20, 40)
    wait_for(lambda: forwarder.state.failing, 20.0)
    assert forwarder.state.position < ledger.counts().messages
    influx.start()
    _send(ledger, node, 40, 60)
    _all_forwarded(forwarder, ledger)
    assert forwarder.state.failing is None
    assert forwarder.state.rejected == 0
    assert _rows(influx, "event") == 60
    assert _rows(influx, "seconds.sound_level") == 3600
    assert _rows(influx, "sound_level_1m") == 60
    (hour,) = influx.query("skolro", "SELECT valid_s FROM hours.sound_level_1h")
    assert hour["valid_s"] == 3600


def test_a_full_outage_leaves_the_cursor_where_it_was(
    influx: Influx, ledger: Ledger, node: FakeNode, forwarder: Forwarder
) -> None:
    _send(ledger, node, 0, 3)
    influx.kill()
    with pytest.raises(OutputUnavailableError):
        forwarder.step()
    assert ledger.cursor("influxdb") == 0


def test_a_bad_line_is_kept_aside_and_the_rest_goes_on(
    influx: Influx, ledger: Ledger, node: FakeNode, forwarder: Forwarder, rejects: OutputRejects
) -> None:
    bad = _START + timedelta(minutes=1)
    influx.query("skolro", "CREATE DATABASE skolro")
    # The shard of this week has learnt another type for one series' field.
    influx.write("skolro", f"node_health uptime_s=1i {int(bad.timestamp())}000000000")
    _send(ledger, node, 0, 3)
    ledger.append([node.signed(health(node.name, bad))])
    assert forwarder.step() == 7
    assert forwarder.state.position == 7
    assert forwarder.state.rejected == 1
    (reject,) = rejects.newest("influxdb")
    assert reject.line.startswith("node_health,site=ekskolan,node=ekskolan-1")
    assert "uptime_s" in reject.reason
    assert _rows(influx, "event") == 3


@ONLY_SQLITE
def test_after_an_outage_everything_is_there_as_if_nothing_had_happened(
    influx: Influx, ledger: Ledger, node: FakeNode, rejects: OutputRejects
) -> None:
    """It answers with errors, hangs, is killed, and refuses lines; messages come meanwhile."""
    config, calm = influx.new_config(), influx.new_config()
    output = InfluxOutput(replace(config, timeout_s=0.5))
    forwarder = Forwarder(ledger, ledger.registry, output, rejects, batch_size=10)
    _refuse_as_bad(influx, config.bucket)
    forwarder.start()
    _send(ledger, node, 0, 15)
    influx.answers.extend([(503, None), (429, "1"), (500, None)])
    wait_for(lambda: forwarder.state.messages >= 10, 20.0)
    influx.freeze()
    _send(ledger, node, 15, 30)
    wait_for(lambda: "cannot be reached" in (forwarder.state.failing or ""), 20.0)
    influx.thaw()
    wait_for(lambda: forwarder.state.failing is None, 20.0)
    influx.kill()
    _send(ledger, node, 30, 45)
    wait_for(lambda: forwarder.state.failing, 20.0)
    ledger.append([node.signed(health(node.name, _BAD))])
    ledger.append([node.signed(health(node.name, _MALFORMED, outbox_depth=666))])
    influx.refused = b"outbox_depth=666i"
    influx.start()
    _send(ledger, node, 45, 60)
    _all_forwarded(forwarder, ledger)
    forwarder.stop()
    influx.refused = None
    _forward_calmly(influx, ledger, calm)
    expected, found = content(influx, calm.bucket), content(influx, config.bucket)
    # One field was of another type, one line as if it were malformed.
    assert (len(expected["node_health"]), found["node_health"]) == (2, [])
    assert {**found, "node_health": expected["node_health"]} == expected
    assert [len(expected[name]) for name in ("event", "sound_level")] == [60, 3600]
    malformed, conflict = sorted(one.reason for one in rejects.newest("influxdb"))
    assert malformed == "unable to parse a line"
    assert "type conflict" in conflict


_BAD = _START + timedelta(minutes=30)
_MALFORMED = _START + timedelta(minutes=31)


def _refuse_as_bad(influx: Influx, bucket: str) -> None:
    """Let the shard of this week know another type for a field of a node's health."""
    influx.query(bucket, f'CREATE DATABASE "{bucket}"')
    influx.write(bucket, f"node_health uptime_s=1i {int(_BAD.timestamp())}000000000")
    # The series goes, the field's type stays.
    influx.query(bucket, "DELETE FROM node_health")


def _forward_calmly(influx: Influx, ledger: Ledger, config: InfluxDB) -> None:
    """Write everything at once to an InfluxDB that is well."""
    output = InfluxOutput(config)
    output.write(ledger.after(0, 1000), ledger, ledger.registry)
    output.close()


class _Refusing:
    """An output that refuses one line of each write, and is away or faulty if it is told."""

    name = "refusing"
    messages_per_s = 100.0
    takes_figures = True

    def __init__(self, failures: int = 0, fault: Exception | None = None) -> None:
        self.failures = failures
        self.fault = fault
        self.closed = False

    def write(
        self, messages: Sequence[StoredMessage], ledger: Ledger, registry: Registry
    ) -> WriteResult:
        if self.fault is not None:
            raise self.fault
        if self.failures:
            self.failures -= 1
            raise OutputUnavailableError("it is not there", retry_after_s=0.0)
        assert registry is ledger.registry
        return WriteResult(
            points=len(messages), rejected=(RejectedLine("bad", "because"),), expired=2
        )

    def write_hours(self, hours: Sequence[LevelHour], registry: Registry) -> WriteResult:
        return WriteResult(points=len(hours) if registry.inventory().sites else 0)

    def replace(self, stretches: Sequence[Stretch]) -> WriteResult:
        return WriteResult(points=sum(len(one.lines) for one in stretches))

    def close(self) -> None:
        self.closed = True


def test_a_fault_in_an_output_ends_it_so_that_somebody_sees(
    ledger: Ledger, node: FakeNode, rejects: OutputRejects, caplog: pytest.LogCaptureFixture
) -> None:
    _send(ledger, node, 0, 1)
    faulty = _Refusing(fault=ZeroDivisionError("a fault of ours"))
    forwarder = Forwarder(ledger, ledger.registry, faulty, rejects)
    forwarder.start()
    wait_for(lambda: not forwarder.is_alive)
    assert isinstance(forwarder.failure, ZeroDivisionError)
    assert "goes on after a restart" in caplog.text
    forwarder.stop()


def test_the_same_refused_line_is_counted_not_kept_twice(
    ledger: Ledger, node: FakeNode, rejects: OutputRejects
) -> None:
    _send(ledger, node, 0, 1)
    forwarder = Forwarder(ledger, ledger.registry, _Refusing(), rejects, batch_size=1)
    forwarder.step()
    forwarder.step()
    (reject,) = rejects.newest("refusing")
    assert (reject.line, reject.reason, reject.count) == ("bad", "because", 2)
    assert rejects.total("refusing") == 1
    assert (forwarder.state.rejected, forwarder.state.expired) == (2, 4)


def test_it_says_why_nothing_gets_through_and_that_it_does_again(
    ledger: Ledger, node: FakeNode, rejects: OutputRejects, caplog: pytest.LogCaptureFixture
) -> None:
    _send(ledger, node, 0, 1)
    output = _Refusing(failures=1)
    with caplog.at_level("INFO"):
        forwarder = Forwarder(ledger, ledger.registry, output, rejects)
        forwarder.start()
        wait_for(lambda: forwarder.state.failing == "it is not there")
        wait_for(lambda: forwarder.state.position == 2)
        forwarder.stop()
    assert output.closed
    assert not forwarder.is_alive
    said = [record.getMessage() for record in caplog.records]
    assert "forwarding to refusing waits: it is not there" in said
    assert "forwarding to refusing goes on; tried in vain: 1" in said


def test_catching_up_keeps_to_its_rate(
    ledger: Ledger, node: FakeNode, rejects: OutputRejects
) -> None:
    forwarder = Forwarder(ledger, ledger.registry, _Refusing(), rejects, batch_size=50)
    assert forwarder.pause_s(50, took_s=0.2) == pytest.approx(0.3)
    assert forwarder.pause_s(50, took_s=0.7) == 0.0
    assert forwarder.pause_s(49, took_s=0.0) == 1.0
