"""What is removed, and what is left alone; InfluxDB 2's own API is spoken to first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from influxdb_client.client.influxdb_client import InfluxDBClient

from collector.config import InfluxDB
from collector.outputs.derived import EPISODE
from collector.outputs.influx import InfluxOutput
from collector.outputs.influx_delete import Deletion, delete_points, statement_1
from collector.outputs.line_protocol import nanoseconds
from collector.outputs.output import Stretch
from tests.influx import Influx, LiveInflux, live, running

_START = datetime(2026, 11, 9, 3, tzinfo=UTC)
_DAY = timedelta(days=1)


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


def _episode(at: datetime, origin: str = "measured", passes: int = 5) -> str:
    series = EPISODE.series("ekskolan", origin)
    return EPISODE.line(series, {"passes": passes}, nanoseconds(at)) or ""


def _there(influx: Influx | LiveInflux, config: InfluxDB) -> set[tuple[int, str, int]]:
    rows = influx.query(config.bucket, "SELECT passes, origin FROM hours.episode")
    return {(row["time"], row["origin"], row["passes"]) for row in rows}


def test_what_is_replaced_goes_and_what_is_not_stays(influx: Influx | LiveInflux) -> None:
    config = influx.new_config()
    output = InfluxOutput(config)
    hours = [_START + timedelta(hours=hour) for hour in (-1, 1, 5, 24)]
    lines = [_episode(at, origin) for at in hours for origin in ("measured", "simulated")]
    output.replace([Stretch(measurement=EPISODE, lines=tuple(lines))])
    assert len(_there(influx, config)) == 8
    moved = _START + timedelta(hours=2)
    day = Stretch(
        measurement=EPISODE,
        lines=(_episode(moved, passes=9),),
        clear=True,
        tags={"origin": "measured"},
        start=_START,
        end=_START + _DAY,
    )
    assert output.replace([day]).points == 1
    assert output.replace([day]).points == 1
    kept = {
        (nanoseconds(at), origin, 5)
        for at in hours
        for origin in ("measured", "simulated")
        if origin == "simulated" or not _START <= at < _START + _DAY
    }
    assert _there(influx, config) == kept | {(nanoseconds(moved), "measured", 9)}
    output.replace([Stretch(measurement=EPISODE, lines=(), clear=True)])
    assert _there(influx, config) == set()
    output.close()


def test_where_nothing_is_there_is_nothing_to_remove(influx: Influx | LiveInflux) -> None:
    config = influx.new_config()
    client: Any = InfluxDBClient(config.url, config.token, org=config.org)
    what = Deletion(bucket=config.bucket, policy="hours", measurement="episode", tags={})
    delete_points(client, what)
    client.close()


def test_influxql_names_tags_and_times_exactly() -> None:
    what = Deletion(
        bucket="skolro",
        policy=None,
        measurement="episode",
        tags={"site": "o'-school", "origin": "measured"},
        start=_START,
        end=_START + _DAY,
    )
    assert statement_1(what) == (
        'DELETE FROM "episode" WHERE "origin" = \'measured\' AND "site" = \'o\\\'-school\' '
        "AND time >= '2026-11-09T03:00:00.000000Z' AND time < '2026-11-10T03:00:00.000000Z'"
    )
