"""What one node costs a day: on the wire, in the ledger, in InfluxDB; and where the bytes go.

``python -m benchmarks.footprint [--nodes 20] [--minutes 360]``

Nodes send what a busy street makes of a minute: levels by the second, every fifth minute a health
message, every tenth an event. Messages are signed and stored as the collector does, in SQLite and
in PostgreSQL, and then forwarded to a real InfluxDB 1.6.7 whose cache is written out before its
files are counted. The wire is MQTT 5 without TLS (which adds 22 bytes a record and an
acknowledgement of TCP), with and without the live reading each second. Each is set beside the
messages' own bytes.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, text

from benchmarks.load.messages import START, Fleet, Street, publish_packet
from collector.database.database import open_database, reading
from collector.ledger.ledger import Ledger
from collector.ledger.verification import Received
from collector.outputs.influx import InfluxOutput
from collector.registry.registry import Registry
from collector.replay import Replay
from sensor.contract import codec, topics
from sensor.contract.messages import Live
from tests.influx import Influx
from tests.peers import wait_for
from tests.postgres import Cluster, programs

_AT_ONCE: Final = 500
_DAY_MIN: Final = 1440
_DAY_S: Final = 86_400
_MEGABYTE: Final = 1e6
# A packet's own head, of QoS 0: type, length, no properties.
_LIVE_HEAD: Final = 2 + 2 + 1
_SECONDS_OUT: Final = "2s"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=20)
    parser.add_argument("--minutes", type=int, default=360)
    asked = parser.parse_args()
    fleet = Fleet.of(asked.nodes)
    messages = list(_messages(fleet, asked.minutes))
    node_days = asked.nodes * asked.minutes / _DAY_MIN
    own = sum(len(one.payload) for one in messages)
    print(f"{len(messages) / node_days:.0f} messages a node a day")
    _told("the messages' own bytes", own, own, node_days)
    wire = sum(len(publish_packet(one)[0]) for one in messages)
    _told("wire, from the outbox", wire, own, node_days)
    _told("wire, live readings", round(_live_bytes() * _DAY_S * node_days), own, node_days)
    with tempfile.TemporaryDirectory(prefix="skolro-footprint-") as folder:
        engine = open_database(f"sqlite:///{folder}/ledger.sqlite")
        before = _sqlite_bytes(Path(folder))
        ledger = _stored(engine, fleet, messages)
        _told("ledger, SQLite", _sqlite_bytes(Path(folder)) - before, own, node_days)
        _influx(engine, ledger, asked.minutes, own, node_days)
        engine.dispose()
    folder_of_programs = programs()
    if folder_of_programs is None:
        print("PostgreSQL is not installed here and is left out")
        return
    with Cluster(folder_of_programs) as cluster:
        engine = open_database(cluster.new_database())
        before = _postgresql_bytes(engine)
        _stored(engine, fleet, messages)
        _told("ledger, PostgreSQL", _postgresql_bytes(engine) - before, own, node_days)
        engine.dispose()


def _messages(fleet: Fleet, minutes: int) -> Iterator[Received]:
    street = Street()
    for minute in range(minutes):
        for node in fleet.nodes:
            yield from (node.signed(message) for message in street.minute(node, minute))


def _live_bytes() -> int:
    live = Live(node="node-0", time=START, laeq_db=52.3, lafmax_db=55.1)
    return _LIVE_HEAD + len(topics.topic("node-0", topics.LIVE)) + len(codec.encode_live(live))


def _stored(engine: Engine, fleet: Fleet, messages: list[Received]) -> Ledger:
    fleet.register(engine)
    ledger = Ledger(engine, Registry(engine))
    arriving = iter(messages)
    while batch := list(islice(arriving, _AT_ONCE)):
        ledger.append(batch)
    return ledger


def _influx(engine: Engine, ledger: Ledger, minutes: int, own: int, node_days: float) -> None:
    # So that it writes its cache into compressed files at once, not after ten minutes.
    os.environ["INFLUXDB_DATA_CACHE_SNAPSHOT_WRITE_COLD_DURATION"] = _SECONDS_OUT
    with Influx() as influx:
        end = START + timedelta(minutes=minutes)
        begun_s = time.process_time()
        done = Replay(engine, ledger, InfluxOutput(influx.new_config())).run(START, end)
        took_s = time.process_time() - begun_s
        print(
            f"forwarding: {1e6 * took_s / done.messages:.0f} µs CPU a message of ours, "
            f"{1e6 * influx.cpu_s() / done.messages:.0f} µs of influxd, "
            f"{done.points / done.messages:.0f} points"
        )
        _settled(influx)
        _told("InfluxDB", influx.stored_bytes(), own, node_days)


def _settled(influx: Influx) -> None:
    """Wait until the size of its files has stood still for a while."""
    seen = [0]

    def still() -> bool:
        seen.append(influx.stored_bytes())
        return len(seen) > 800 and len(set(seen[-800:])) == 1

    wait_for(still, 180, "InfluxDB goes on writing")


def _sqlite_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("ledger.sqlite*"))


def _postgresql_bytes(engine: Engine) -> int:
    with reading(engine) as connection:
        size = connection.execute(text("SELECT pg_database_size(current_database())"))
        return int(size.scalar_one())


def _told(name: str, size: int, own: int, node_days: float) -> None:
    print(
        f"{name:24s} {size / node_days / _MEGABYTE:7.2f} MB a node a day   {size / own:5.2f} of "
        f"the messages' bytes   {365 * size / node_days / 1e9:6.2f} GB a year",
        flush=True,
    )


if __name__ == "__main__":
    main()
