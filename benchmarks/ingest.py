"""How many messages a second the collector makes durable, beside one that stores nothing.

    python -m benchmarks.ingest [--messages 60000] [--rounds 3] [--nodes 200] [--postgresql]
                                [--collectors 2]
    python -m benchmarks.ingest --messages 1000000 --rounds 1 --alone
    python -m benchmarks.ingest --steady [--minutes 10] [--nodes 10000]
    python -m benchmarks.ingest --live [--nodes 500]

Signed messages are made beforehand and published by a process of their own through a real
mosquitto, the same to the collector (signature verified, SQLite with synchronous FULL, lists kept,
``ack`` sent) and to a bare paho subscriber that acknowledges by hand and stores nothing. Each runs
alone on one processor; broker and sender share the others. A message counts when it is committed.

With ``--postgresql`` and more than one of ``--collectors`` a last run has so many on one database,
by a shared subscription; their processor time is added up, and they share the processors.

``--alone`` leaves the bare subscriber out, to see the collector's memory over many messages.

``--steady`` plays the load of many nodes, each with one ``levels`` a minute, and prints how long
a message took from being sent until its node was told that it is durable.

``--live`` lets the nodes tell their level once a second, which nobody stores, and prints what that
costs the collector.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import IO, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import Engine

from benchmarks.load.messages import Fleet, prepare
from collector.database.database import open_database, reading
from collector.ledger.appending import next_position
from sensor.contract import topics
from sensor.contract.codec import encode_live
from sensor.contract.messages import Live
from tests.peers import Broker
from tests.postgres import Cluster, programs

AHEAD: Final = 20_000
"""Messages that the sender may be ahead: so many wait at the broker, and not all of them."""

_POLL_S: Final = 0.25
_LIVE_S: Final = 20
_TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")
_MEGABYTE: Final = 1024 * 1024


@dataclass
class Run:
    """What was seen of one receiver."""

    name: str
    seconds: float = 0.0
    cpu_s: float = 0.0
    messages: int = 0
    memory_mb: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds

    @property
    def cpu_us(self) -> float:
        """Processor time of the receiver a message, in microseconds."""
        return 1e6 * self.cpu_s / self.messages

    def __str__(self) -> str:
        tenth = max(1, len(self.memory_mb) // 10)
        memory = " ".join(f"{mb:.0f}" for mb in self.memory_mb[tenth::tenth])
        return (
            f"{self.name:22s} {self.rate:7.0f} messages/s   "
            f"{self.cpu_us:5.0f} µs CPU a message   RSS {memory} MB"
        )


@contextmanager
def receiver(kind: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A receiver that is subscribed, alone on one processor."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.load.receivers", kind, *arguments],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.sched_setaffinity(process.pid, {_its_own()})
    try:
        if _out(process).readline() != "ready\n":
            raise RuntimeError(f"the {kind} receiver did not start")
        yield process
    finally:
        process.kill()
        process.wait()
        _out(process).close()


@contextmanager
def sender(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Whoever publishes; leaves the receiver's processor alone."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.load.sender", *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.sched_setaffinity(process.pid, _others())
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _its_own() -> int:
    """The receiver's processor."""
    return min(os.sched_getaffinity(0))


def _others() -> set[int]:
    """The processors of everybody else; on a machine with one, it is shared."""
    return os.sched_getaffinity(0) - {_its_own()} or {_its_own()}


def _out(process: subprocess.Popen[str]) -> IO[str]:
    if process.stdout is None:
        raise RuntimeError("the process has no output to read")
    return process.stdout


def bare(path: Path, messages: int) -> Run:
    """Run the subscriber that stores nothing."""
    count = 0

    def follow(lines: IO[str]) -> None:
        nonlocal count
        for line in lines:
            count = int(line)

    with _broker() as broker, receiver("bare", str(broker.port)) as process:
        threading.Thread(target=follow, args=(_out(process),), daemon=True).start()
        return _watch("paho, storing nothing", broker, path, messages, [process.pid], lambda: count)


def collector(
    name: str, url: str, fleet: Fleet, path: Path, messages: int, collectors: int = 1
) -> Run:
    """Run the collector on a new ledger, or several that share what comes."""
    engine = open_database(url)
    fleet.register(engine)
    with _broker() as broker, ExitStack() as stack:
        pids = []
        for number in range(collectors):
            own = [] if collectors == 1 else [f"collector-{number}"]
            process = stack.enter_context(receiver("collector", str(broker.port), url, *own))
            if collectors > 1:
                os.sched_setaffinity(process.pid, os.sched_getaffinity(0))
            pids.append(process.pid)
        run = _watch(name, broker, path, messages, pids, lambda: _stored(engine))
    engine.dispose()
    return run


@contextmanager
def _broker() -> Iterator[Broker]:
    with Broker(log_type="error") as broker:
        os.sched_setaffinity(broker.pid, _others())
        yield broker


def _stored(engine: Engine) -> int:
    with reading(engine) as connection:
        return next_position(connection) - 1


def _watch(
    name: str,
    broker: Broker,
    path: Path,
    messages: int,
    pids: Sequence[int],
    count: Callable[[], int],
) -> Run:
    run = Run(name, messages=messages)
    with sender(str(broker.port), str(path)) as process:
        begun, cpu_s, done = time.monotonic(), sum(map(_cpu_s, pids)), 0
        while done < messages:
            done = count()
            _allow(process, done + AHEAD)
            run.memory_mb.append(sum(map(_rss_bytes, pids)) / _MEGABYTE)
            time.sleep(_POLL_S)
        run.seconds = time.monotonic() - begun
        run.cpu_s = sum(map(_cpu_s, pids)) - cpu_s
    return run


def _allow(process: subprocess.Popen[str], number: int) -> None:
    if process.stdin is None or process.poll() is not None:
        raise RuntimeError("the sender has ended")
    process.stdin.write(f"{number}\n")
    process.stdin.flush()


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND


def _rss_bytes(pid: int) -> int:
    pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def race(folder: Path, asked: argparse.Namespace) -> None:
    """Run all receivers in turn, round by round, and print the medians of each round's ratios."""
    fleet, path = Fleet.of(asked.nodes), folder / "messages"
    print(f"signing {asked.messages} messages of {asked.nodes} nodes ...", flush=True)
    prepare(fleet, path, messages=asked.messages)
    ratios: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for number in range(asked.rounds):
        peer: Run | None = None
        for run in _round(folder, fleet, path, asked, number):
            print(run, flush=True)
            if peer is not None:
                ratios[run.name].append((run.rate / peer.rate, peer.cpu_us / run.cpu_us))
            elif not asked.alone:
                peer = run
    for name, found in ratios.items():
        by_rate, by_cpu = (median(column) for column in zip(*found, strict=True))
        print(
            f"{name}: {by_rate:.2f} of the bare rate of the same round, {by_cpu:.2f} by processor "
            f"time (medians of {len(found)} rounds)"
        )


def _round(
    folder: Path, fleet: Fleet, path: Path, asked: argparse.Namespace, number: int
) -> Iterator[Run]:
    if not asked.alone:
        yield bare(path, asked.messages)
    url = f"sqlite:///{folder / f'ledger-{number}.sqlite'}"
    yield collector("collector, SQLite", url, fleet, path, asked.messages)
    if asked.postgresql:
        folder_of_programs = programs()
        if folder_of_programs is None:
            print("PostgreSQL is not installed here and is left out")
            return
        with Cluster(folder_of_programs, durable=True) as cluster:
            url = cluster.new_database()
            yield collector("collector, PostgreSQL", url, fleet, path, asked.messages)
            if asked.collectors > 1:
                name, url = f"{asked.collectors} collectors on one", cluster.new_database()
                yield collector(name, url, fleet, path, asked.messages, asked.collectors)


def steady(folder: Path, asked: argparse.Namespace) -> None:
    """Play the load of many nodes, and print the lag minute by minute."""
    fleet, path = Fleet.of(asked.nodes), folder / "messages"
    print(f"signing {asked.minutes} minutes of {asked.nodes} nodes ...", flush=True)
    messages = prepare(fleet, path, minutes=asked.minutes)
    url = f"sqlite:///{folder / 'ledger.sqlite'}"
    engine = open_database(url)
    fleet.register(engine)
    print(f"{messages / asked.minutes / 60:.0f} messages a second")
    print("minute  acknowledged  lag: median    99 %     most  waiting  CPU  RSS")
    with (
        _broker() as broker,
        receiver("collector", str(broker.port), url) as process,
        sender("--paced", str(broker.port), str(path)) as sending,
    ):
        begun, cpu_s = time.monotonic(), _cpu_s(process.pid)
        for line in _out(sending):
            minute, count, median_s, high_s, most_s, waiting = line.split()
            busy = (_cpu_s(process.pid) - cpu_s) / (time.monotonic() - begun)
            print(
                f"{minute:>6s}  {count:>12s}  {median_s:>9s} s  {high_s:>6s} s  {most_s:>6s} s"
                f"  {waiting:>6s}  {busy:4.0%} {_rss_bytes(process.pid) / _MEGABYTE:4.0f} MB",
                flush=True,
            )
    print(f"{_stored(engine)} of {messages} messages are in the ledger")
    engine.dispose()


def live(folder: Path, asked: argparse.Namespace) -> None:
    """Let nodes tell their levels for a while, and print the collector's part of a processor."""
    fleet, url = Fleet.of(asked.nodes), f"sqlite:///{folder / 'ledger.sqlite'}"
    engine = open_database(url)
    fleet.register(engine)
    engine.dispose()
    with _broker() as broker, receiver("collector", str(broker.port), url) as process:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        begun, cpu_s, told = time.monotonic(), _cpu_s(process.pid), 0
        for second in range(_LIVE_S):
            for number in range(asked.nodes):
                client.publish(topics.topic(f"node-{number}", topics.LIVE), _reading(number), 0)
            told += asked.nodes
            time.sleep(max(0.0, begun + second + 1 - time.monotonic()))
        busy_s, took_s = _cpu_s(process.pid) - cpu_s, time.monotonic() - begun
        client.loop_stop()
    print(
        f"{told / took_s:.0f} readings a second: {busy_s / took_s:.1%} of a processor, "
        f"{1e6 * busy_s / told:.0f} µs a reading"
    )


def _reading(number: int) -> bytes:
    now = datetime.now(UTC)
    return encode_live(Live(node=f"node-{number}", time=now, laeq_db=52.3, lafmax_db=55.1))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=60_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--nodes", type=int)
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--collectors", type=int, default=1)
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--steady", action="store_true")
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--live", action="store_true")
    asked = parser.parse_args()
    asked.nodes = asked.nodes or (10_000 if asked.steady else 500 if asked.live else 200)
    part = steady if asked.steady else live if asked.live else race
    with tempfile.TemporaryDirectory(prefix="skolro-ingest-") as folder:
        part(Path(folder), asked)


if __name__ == "__main__":
    main()
