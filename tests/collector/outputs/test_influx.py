"""InfluxOutput against a real InfluxDB."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from collector.config import CollectorConfig, InfluxDB
from collector.database.database import open_database
from collector.ledger.ledger import Ledger
from collector.outputs import OutputUnavailableError, open_outputs
from collector.outputs.influx import InfluxOutput
from collector.outputs.line_protocol import Measurement
from collector.outputs.measurements import RETENTION_POLICIES
from collector.registry.registry import Registry, Site
from sensor.contract.messages import Event, Health, LevelBatch, Message
from tests.collector.outputs.town import (
    NODES,
    means_by,
    messages_of,
    seconds_of,
    signed_town,
    start_of_town,
)
from tests.influx import Influx, running
from tests.peers import FakeNode, event, free_port, health, levels

_numbers = itertools.count()


@pytest.fixture(scope="module")
def influx() -> Iterator[Influx]:
    """A real InfluxDB."""
    yield from running()


@pytest.fixture
def config(influx: Influx) -> InfluxDB:
    """A database of this test's own, which does not exist yet."""
    return InfluxDB(url=influx.url, bucket=f"db{next(_numbers)}")


@pytest.fixture
def output(config: InfluxDB) -> Iterator[InfluxOutput]:
    """The output into that database."""
    made = InfluxOutput(config)
    yield made
    made.close()


def _write_all(output: InfluxOutput, ledger: Ledger, batch: int = 64) -> int:
    """Forward everything in the ledger, in small batches, and return the number of points."""
    position, points = 0, 0
    while messages := ledger.after(position, batch):
        result = output.write(messages, ledger, ledger.registry)
        assert result.rejected == ()
        points += result.points
        position = messages[-1].position
    return points


def _content(influx: Influx, database: str) -> dict[str, list[dict[str, object]]]:
    return {table: influx.query(database, _all_of(table)) for _, table in _tables()}


def _tables() -> list[tuple[Measurement, str]]:
    """Measurements, and how each is named after FROM."""
    return [
        (measurement, f"{policy or 'autogen'}.{measurement.name}")
        for policy, measurements in RETENTION_POLICIES.items()
        for measurement in measurements
    ]


def _all_of(table: str, where: str = "") -> str:
    return " ".join(("SELECT * FROM", table, where))


@dataclass(frozen=True)
class Town:
    """What was forwarded, from where, and where to."""

    database: str
    ledger: Ledger
    made: dict[str, list[Message]]


@pytest.fixture(scope="module")
def town(influx: Influx, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Levels, events and health of two nodes at two sites, forwarded."""
    engine = open_database(f"sqlite:///{tmp_path_factory.mktemp('town')}/ledger.sqlite")
    ledger = Ledger(engine, Registry(engine))
    for site in NODES.values():
        ledger.registry.add_site(Site(id=site, name=site))
    start = start_of_town()
    ledger.append(signed_town(start, ledger))
    output = InfluxOutput(InfluxDB(url=influx.url, bucket="town"))
    _write_all(output, ledger)
    output.close()
    yield Town("town", ledger, {node: messages_of(node, start) for node in NODES})
    engine.dispose()


class TestTown:
    """What InfluxDB says of the town."""

    def test_seconds(self, influx: Influx, town: Town) -> None:
        for node, site in NODES.items():
            rows = influx.query(
                town.database, _all_of("seconds.sound_level", f"WHERE node = '{node}'")
            )
            wanted = {_ns(at): level for at, level in seconds_of(town.made[node]).items()}
            assert {row["time"]: row["laeq_db"] for row in rows} == wanted
            assert {row["site"] for row in rows} == {site}
            assert {row["origin"] for row in rows} == {"measured"}
            for row in rows:
                assert row["energy"] == pytest.approx(10 ** (row["laeq_db"] / 10))

    @pytest.mark.parametrize(("table", "period_s"), [("sound_level_1m", 60),
                                                     ("hours.sound_level_1h", 3600)])  # fmt: skip
    def test_periods(self, influx: Influx, town: Town, table: str, period_s: int) -> None:
        for node in NODES:
            query = _all_of(table, f"WHERE node = '{node}' AND valid_s > 0")
            rows = {row["time"] // 10**9: row for row in influx.query(town.database, query)}
            wanted = means_by(seconds_of(town.made[node]), period_s)
            assert rows.keys() == wanted.keys()
            for at, (laeq_db, valid_s) in wanted.items():
                assert rows[at]["laeq_db"] == pytest.approx(laeq_db, abs=1e-6)
                assert rows[at]["energy"] == pytest.approx(10 ** (laeq_db / 10))
                assert rows[at]["valid_s"] == valid_s

    def test_hours_carry_the_local_hour_of_the_week(self, influx: Influx, town: Town) -> None:
        for row in influx.query(town.database, "SELECT * FROM hours.sound_level_1h"):
            local = datetime.fromtimestamp(row["time"] / 10**9, ZoneInfo("Europe/Stockholm"))
            assert (row["weekday"], row["hour"]) == (str(local.isoweekday()), f"{local:%H}")

    def test_percentiles_stand_beside_the_minute_of_their_batch(
        self, influx: Influx, town: Town
    ) -> None:
        rows = influx.query(
            town.database, "SELECT laf90_db, lcpeak_db FROM sound_level_1m WHERE site = 'askolan'"
        )
        batches = [m for m in town.made["askolan-1"] if isinstance(m, LevelBatch)]
        assert [row["time"] for row in rows] == [_ns(batch.start) for batch in batches]
        assert {(row["laf90_db"], row["lcpeak_db"]) for row in rows} == {(41.5, 90.0)}

    def test_events(self, influx: Influx, town: Town) -> None:
        rows = influx.query(town.database, "SELECT * FROM event")
        wanted = [m for messages in town.made.values() for m in messages if isinstance(m, Event)]
        assert {row["id"]: row["lafmax_db"] for row in rows} == {
            event.id: event.lafmax_db for event in wanted
        }
        by_id = {row["id"]: row for row in rows}
        for one in wanted:
            row = by_id[one.id]
            assert row["site"] == NODES[one.node]
            assert (row["source"], row["trigger"]) == (one.source.kind, one.trigger)
            assert abs(row["time"] - _ns(one.start)) < 1000
            assert row.get("speed_kmh") == (one.speed.speed_kmh if one.speed else None)
            assert row.get("speed_refused") == one.speed_refused

    def test_health(self, influx: Influx, town: Town) -> None:
        rows = influx.query(town.database, "SELECT * FROM node_health")
        wanted = [m for messages in town.made.values() for m in messages if isinstance(m, Health)]
        assert sorted((row["node"], row["time"], row["outbox_depth"]) for row in rows) == sorted(
            (one.node, _ns(one.time), one.outbox_depth) for one in wanted
        )

    def test_writing_everything_again_changes_nothing(self, influx: Influx, town: Town) -> None:
        before = _content(influx, town.database)
        output = InfluxOutput(InfluxDB(url=influx.url, bucket=town.database))
        _write_all(output, town.ledger, batch=500)
        output.close()
        assert _content(influx, town.database) == before

    def test_every_field_has_its_declared_type(self, influx: Influx, town: Town) -> None:
        of_messages = {
            "sound_level", "sound_level_1m", "sound_level_1h", "measured_1h", "event",
            "node_health",
        }  # fmt: skip
        for measurement, table in _tables():
            keys = influx.query(town.database, f"SHOW FIELD KEYS FROM {table}")
            assert bool(keys) == (measurement.name in of_messages)
            for key in keys:
                assert key["fieldType"] == measurement.fields[key["fieldKey"]]


def _ns(at: datetime) -> int:
    return int(at.timestamp() * 10**6) * 1000


def _appended(ledger: Ledger, *messages: Message, node: str = "ekskolan-1") -> None:
    peer = FakeNode(node)
    peer.register(ledger.registry, "ekskolan", datetime(2020, 1, 1, tzinfo=UTC))
    result = ledger.append([peer.signed(message) for message in messages])
    assert result.stored == len(messages)


def test_buckets_are_made_with_their_retention(
    influx: Influx, config: InfluxDB, ledger: Ledger, output: InfluxOutput
) -> None:
    start = start_of_town()
    _appended(ledger, levels("ekskolan-1", start), health("ekskolan-1", start))
    _write_all(output, ledger)
    policies = {
        row["name"]: (row["duration"], row["shardGroupDuration"])
        for row in influx.query(config.bucket, f"SHOW RETENTION POLICIES ON {config.bucket}")
    }
    assert policies == {
        "autogen": ("0s", "168h0m0s"),
        "seconds": ("720h0m0s", "24h0m0s"),
        "hours": ("0s", "87360h0m0s"),
    }


def test_simulated_history_stays_apart_and_has_no_seconds_beyond_retention(
    influx: Influx, config: InfluxDB, ledger: Ledger, output: InfluxOutput
) -> None:
    long_ago = start_of_town() - timedelta(days=50)
    simulated = levels("ekskolan-1", long_ago, interval_s=60, laf90_db=40.0, flags=("simulated",))
    old = levels("ekskolan-1", long_ago + timedelta(hours=2))
    recent = levels("ekskolan-1", start_of_town(), count=2)
    _appended(ledger, simulated, old, recent)
    _write_all(output, ledger)
    minutes = influx.query(config.bucket, "SELECT laeq_db, origin FROM sound_level_1m")
    assert [row["origin"] for row in minutes] == ["simulated"] * 60 + ["measured"] * 2
    hours = influx.query(
        config.bucket, "SELECT laeq_db, laf90_db, origin FROM hours.sound_level_1h"
    )
    assert [(row["origin"], row.get("laf90_db")) for row in hours] == [
        ("simulated", 40.0),
        ("measured", None),
        ("measured", None),
    ]
    assert len(influx.query(config.bucket, "SELECT laeq_db FROM seconds.sound_level")) == 2


def test_a_batch_that_comes_late_completes_its_minute_and_hour(
    influx: Influx, config: InfluxDB, ledger: Ledger, output: InfluxOutput
) -> None:
    start = start_of_town()
    halves = [levels("ekskolan-1", start + timedelta(seconds=30 * i), 50.0 + 10 * i, count=30)
              for i in (1, 0)]  # fmt: skip
    peer = FakeNode("ekskolan-1")
    peer.register(ledger.registry, "ekskolan", start)
    for number, half in enumerate(halves, start=1):
        ledger.append([peer.signed(half)])
        _write_all(output, ledger)
        for table in ("sound_level_1m", "hours.sound_level_1h"):
            (row,) = influx.query(config.bucket, _all_of(table))
            assert row["valid_s"] == 30 * number
            assert row["laeq_db"] == pytest.approx({1: 60.0, 2: 57.4036}[number], abs=1e-3)


def test_events_at_the_same_microsecond_are_two_points(
    influx: Influx, config: InfluxDB, ledger: Ledger, output: InfluxOutput
) -> None:
    start = start_of_town()
    twins = [event("ekskolan-1", start, id=f"{number:016x}") for number in (1, 2)]
    _appended(ledger, *twins)
    _write_all(output, ledger)
    assert len(influx.query(config.bucket, "SELECT id FROM event")) == 2


def test_a_line_of_another_type_is_found_and_all_others_are_written(
    influx: Influx, config: InfluxDB, ledger: Ledger, output: InfluxOutput
) -> None:
    start = start_of_town()
    _appended(
        ledger, *(health("ekskolan-1", start + timedelta(minutes=i)) for i in range(40)),
        event("ekskolan-1", start),
    )  # fmt: skip
    # Somebody has written one report's number as a float into the day of that one.
    influx.query(config.bucket, f'CREATE DATABASE "{config.bucket}"')
    other = start - timedelta(days=14)
    influx.write(config.bucket, f"node_health,node=x outbox_depth=1.5 {_ns(other)}")
    influx.write(config.bucket, f"event,node=x lafmax_db=1i {_ns(start)}")
    result = output.write(ledger.after(0, 100), ledger, ledger.registry)
    assert len(result.rejected) == 1
    (rejected,) = result.rejected
    assert rejected.line.startswith("event,site=ekskolan,node=ekskolan-1")
    assert "lafmax_db" in rejected.reason
    assert result.points == 40
    assert len(influx.query(config.bucket, "SELECT uptime_s FROM node_health")) == 40


def test_bad_lines_are_found_where_the_whole_batch_is_refused(
    influx: Influx, config: InfluxDB, ledger: Ledger, output: InfluxOutput
) -> None:
    start = start_of_town()
    reports = [
        health("ekskolan-1", start + timedelta(minutes=i), outbox_depth=666 if i in {11, 12} else i)
        for i in range(30)
    ]
    _appended(ledger, *reports)
    influx.refused = b"outbox_depth=666i"
    try:
        result = output.write(ledger.after(0, 100), ledger, ledger.registry)
    finally:
        influx.refused = None
    assert ["outbox_depth=666i" in one.line for one in result.rejected] == [True, True]
    assert {one.reason for one in result.rejected} == {"unable to parse a line"}
    written = influx.query(config.bucket, "SELECT outbox_depth FROM node_health")
    assert [row["outbox_depth"] for row in written] == [i for i in range(30) if i not in {11, 12}]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_gateway_that_is_busy_is_told_apart_from_bad_data(
    influx: Influx, ledger: Ledger, output: InfluxOutput, status: int
) -> None:
    _appended(ledger, health("ekskolan-1", start_of_town()))
    influx.answers.append((status, "17"))
    with pytest.raises(OutputUnavailableError, match=f"answers {status}") as caught:
        _write_all(output, ledger)
    assert caught.value.retry_after_s == 17
    assert _write_all(output, ledger) == 1


def test_a_refused_token_is_said(influx: Influx, ledger: Ledger, output: InfluxOutput) -> None:
    _appended(ledger, health("ekskolan-1", start_of_town()))
    influx.answers.append((401, None))
    with pytest.raises(OutputUnavailableError, match=r"check influxdb\.token"):
        _write_all(output, ledger)


def test_no_influxdb_is_said(ledger: Ledger) -> None:
    _appended(ledger, health("ekskolan-1", start_of_town()))
    output = InfluxOutput(InfluxDB(url=f"http://127.0.0.1:{free_port()}", timeout_s=2.0))
    with pytest.raises(OutputUnavailableError, match="cannot be reached: is it running"):
        _write_all(output, ledger)
    output.close()


def test_without_the_right_to_make_buckets_all_goes_into_one(
    influx: Influx, config: InfluxDB, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    influx.query(config.bucket, f'CREATE DATABASE "{config.bucket}"')
    influx.read_only_schema = True
    try:
        output = InfluxOutput(config)
        start = start_of_town()
        _appended(ledger, levels("ekskolan-1", start))
        _write_all(output, ledger)
        output.close()
    finally:
        influx.read_only_schema = False
    assert len(influx.query(config.bucket, "SELECT laeq_db FROM sound_level")) == 60
    assert len(influx.query(config.bucket, "SELECT laeq_db FROM sound_level_1h")) == 1
    assert f"{config.bucket}/seconds" in caplog.text


def test_without_the_right_to_make_the_database_it_is_said(
    influx: Influx, config: InfluxDB, ledger: Ledger, output: InfluxOutput
) -> None:
    _appended(ledger, health("ekskolan-1", start_of_town()))
    influx.read_only_schema = True
    try:
        with pytest.raises(OutputUnavailableError, match=f"no bucket or database {config.bucket}"):
            _write_all(output, ledger)
    finally:
        influx.read_only_schema = False


def test_outputs_are_those_of_the_configuration(config: InfluxDB) -> None:
    assert open_outputs(CollectorConfig()) == []
    (output,) = open_outputs(CollectorConfig(influxdb=config))
    assert output.name == "influxdb"
    output.close()
