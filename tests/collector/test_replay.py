"""A refill: what an emptied InfluxDB held is there again, and nothing twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from collector.commands.replay import replay
from collector.config import InfluxDB
from collector.errors import CollectorError
from collector.forwarder import Forwarder
from collector.ledger.ledger import Ledger
from collector.outputs import OutputRejects, OutputUnavailableError
from collector.outputs.influx import InfluxOutput
from collector.replay import Replay, Replayed
from deploy.demo_folder import Table, toml
from sensor.contract.errors import ConfigError
from sensor.contract.messages import Event, Health
from tests.collector.conftest import ONLY_SQLITE
from tests.collector.outputs.town import NODES, messages_of, seconds_of, signed_town, start_of_town
from tests.influx import Influx, LiveInflux, content, live, running

EVER = datetime(2020, 1, 1, tzinfo=UTC)
START = start_of_town()


@pytest.fixture(scope="module")
def local() -> Iterator[Influx]:
    """An InfluxDB of our own."""
    yield from running()


@pytest.fixture(params=["local", pytest.param("live", marks=pytest.mark.live)])
def influx(request: pytest.FixtureRequest) -> Influx | LiveInflux:
    """An InfluxDB of our own, and the one that the environment names."""
    if request.param == "live":
        return live()
    own: Influx = request.getfixturevalue("local")
    return own


@pytest.fixture
def town(ledger: Ledger) -> Ledger:
    """A ledger with all messages of the town."""
    ledger.append(signed_town(START, ledger))
    return ledger


def forward(engine: Engine, ledger: Ledger, config: InfluxDB) -> None:
    """Let a forwarder carry everything over."""
    ledger.set_cursor("influxdb", 0)
    output = InfluxOutput(config)
    forwarder = Forwarder(ledger, ledger.registry, output, OutputRejects(engine))
    while forwarder.step():
        pass
    forwarder.stop()


def refill(
    engine: Engine, ledger: Ledger, config: InfluxDB, start: datetime = EVER,
    end: datetime | None = None,
) -> Replayed:  # fmt: skip
    """Write what the ledger holds of a period once more."""
    output = InfluxOutput(config)
    try:
        return Replay(engine, ledger, output).run(start, end or datetime.now(UTC))
    finally:
        output.close()


def test_an_emptied_influxdb_is_filled_again_and_again_with_the_same(
    influx: Influx | LiveInflux, engine: Engine, town: Ledger
) -> None:
    first, emptied = influx.new_config(), influx.new_config()
    forward(engine, town, first)
    before = content(influx, first.bucket)
    made = {node: messages_of(node, START) for node in NODES}
    assert len(before["sound_level"]) == sum(len(seconds_of(one)) for one in made.values())
    for name, kind in (("event", Event), ("node_health", Health)):
        sent = [one for messages in made.values() for one in messages if isinstance(one, kind)]
        assert len(before[name]) == len(sent)
    cursor = town.cursor("influxdb")
    told: list[tuple[int, int]] = []
    output = InfluxOutput(emptied)
    done = Replay(engine, town, output).run(EVER, datetime.now(UTC), lambda *n: told.append(n))
    output.close()
    assert content(influx, emptied.bucket) == before
    assert done.messages == town.counts().messages
    assert told[-1] == (done.messages, done.messages)
    assert (done.rejected, done.expired) == (0, 0)
    refill(engine, town, emptied)
    assert content(influx, emptied.bucket) == before
    # The forwarder goes on where it stood.
    assert town.cursor("influxdb") == cursor


@ONLY_SQLITE
def test_a_part_is_written_with_what_reaches_into_it(
    local: Influx, engine: Engine, town: Ledger
) -> None:
    whole, part = local.new_config(), local.new_config()
    forward(engine, town, whole)
    begin, end = START + timedelta(minutes=100), START + timedelta(minutes=130)
    refill(engine, town, part, begin, end)
    within = f"time >= {_ns(begin)} AND time < {_ns(end)}"
    for table in ("seconds.sound_level", "event", "node_health", "sound_level_1m"):
        query = " ".join(("SELECT * FROM", table, "WHERE", within))
        assert local.query(part.bucket, query) == local.query(whole.bucket, query) != []
    late = " ".join(("SELECT * FROM event WHERE time >", str(_ns(end))))
    assert local.query(part.bucket, late) == []


@ONLY_SQLITE
def test_hours_are_there_again_when_their_messages_were_pruned(
    local: Influx, engine: Engine, town: Ledger
) -> None:
    whole, emptied = local.new_config(), local.new_config()
    forward(engine, town, whole)
    hours = "SELECT laeq_db, lafmax_db, valid_s FROM hours.sound_level_1h"
    before = local.query(whole.bucket, hours)
    assert town.prune("levels", datetime.now(UTC) + timedelta(seconds=1)) > 200
    refill(engine, town, emptied)
    assert local.query(emptied.bucket, hours) == before


@ONLY_SQLITE
def test_an_output_that_is_away_is_waited_for(engine: Engine, town: Ledger) -> None:
    for influx in running():
        config = influx.new_config()
        calm = influx.new_config()
        refill(engine, town, calm)
        before = content(influx, calm.bucket)
        influx.kill()
        back = threading.Timer(2.0, influx.start)
        back.start()
        refill(engine, town, config)
        back.join()
        assert content(influx, config.bucket) == before


@ONLY_SQLITE
def test_one_that_stays_away_ends_it(local: Influx, engine: Engine, town: Ledger) -> None:
    local.answers.extend([(503, "1")] * 5)
    output = InfluxOutput(local.new_config())
    with pytest.raises(OutputUnavailableError, match="answers 503"):
        Replay(engine, town, output, patience_s=0.5).run(EVER, datetime.now(UTC))
    output.close()
    local.answers.clear()


@pytest.fixture
def written(tmp_path: Path, database_url: str, local: Influx) -> tuple[Path, InfluxDB]:
    """A configuration file with an InfluxDB."""
    config = local.new_config()
    tables: dict[str, Table] = {
        "": {"ledger": database_url},
        "influxdb": {"url": config.url, "bucket": config.bucket},
    }
    path = tmp_path / "collector.toml"
    path.write_text(toml(tables), encoding="utf-8")
    return path, config


@ONLY_SQLITE
def test_the_command_says_what_it_did(
    written: tuple[Path, InfluxDB], local: Influx, town: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    path, config = written
    replay(path, "influxdb", "2020-01-01")
    said = capsys.readouterr().out
    assert said.startswith("influxdb has got what the ledger holds from 2020-01-01 00:00:00 to ")
    assert f" {town.counts().messages} messages, " in said
    assert len(local.query(config.bucket, "SELECT id FROM event")) == 30


@ONLY_SQLITE
@pytest.mark.parametrize(
    ("output", "start", "end", "sentence"),
    [
        ("grafana", "2026-11-01", None, "there is no output grafana: name one of influxdb"),
        ("influxdb", "yesterday", None, "--from yesterday is no date"),
        ("influxdb", "2026-11-02", "2026-11-01", "is not before --to"),
    ],
)
def test_what_cannot_be_done_is_said(
    written: tuple[Path, InfluxDB], output: str, start: str, end: str | None, sentence: str
) -> None:
    with pytest.raises((ConfigError, CollectorError), match=sentence):
        replay(written[0], output, start, end)


def test_without_an_influxdb_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "collector.toml").write_text("")
    with pytest.raises(CollectorError, match=r"has no \[influxdb\]"):
        replay(tmp_path / "collector.toml", "influxdb", "2026-11-01")


def _ns(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000_000
