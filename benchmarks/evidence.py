"""What a summary costs: a month of one site is made, and checked, on one core.

Two nodes send minute batches of one second's values and their state every five minutes, as they do
by default, with 3,000 events: some 107,000 messages of 31 days. Half and a quarter of it show how
the cost grows. Beside each time stands that of hashing the same messages with SHA-256 in the same
run (the least that any check costs), and the largest memory of the process that did it.

Run: ``python -m benchmarks.evidence [--messages 100000] [--parts 4,2,1]``
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector.database.database import open_database
from collector.evidence.export import Exporter, export
from collector.evidence.export_log import Asked
from collector.evidence.request import Request
from collector.evidence.verify.seals import Expected
from collector.evidence.verify.verification import verify
from collector.ledger.ledger import Ledger, Received
from collector.registry.registry import Guideline, Registry, Site, SpeedLimit
from sensor.contract.codec import encode
from sensor.contract.messages import (
    BAND_CENTRES,
    GENESIS,
    CalibrationCheck,
    Event,
    Health,
    LevelBatch,
    Message,
    Source,
    Speed,
    draft,
    event_id,
    placed,
)
from sensor.contract.signature import payload_hash, public_key_text, sign
from sensor.contract.topics import topic

START = datetime(2026, 9, 30, 22, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MONTH_MINUTES = 31 * 24 * 60
MONTH_MESSAGES = 2 * (MONTH_MINUTES + MONTH_MINUTES // 5) + 3000
NODES = ("ekskolan-1", "ekskolan-2")
EVENTS = 3000


def messages(node: str, minutes: int, seed: int) -> Iterator[Message]:
    """What a node sends in so many minutes."""
    rng = np.random.default_rng(seed)
    yield CalibrationCheck(
        **draft(node, START), calibrator_level_db=94.0, calibrator_serial="1",
        calibrator_certificate="2", measured_db=94.0, deviation_db=0.0,
        standard_deviation_db=0.02, frequency_hz=1000.0, sensitivity=1.0, result="initial",
    )  # fmt: skip
    share = EVENTS / len(NODES) / MONTH_MINUTES
    for number in range(minutes):
        at = START + number * MINUTE
        yield levels(node, at, rng)
        if number % 5 == 0:
            yield health(node, at)
        if rng.random() < share:
            yield event(node, at, rng)


def levels(node: str, at: datetime, rng: np.random.Generator) -> LevelBatch:
    """A minute of levels."""
    laeq = np.round(rng.normal(50.0, 3.0, 60), 1)
    lafmax = np.round(laeq + rng.gamma(2.0, 1.5, 60), 1)
    lceq = np.round(laeq + rng.normal(8.0, 1.0, 60), 1)
    bands = np.round(rng.normal(40.0, 6.0, len(BAND_CENTRES)), 1).tolist()
    return LevelBatch(
        **draft(node, at + MINUTE), start=at, interval_s=1, laeq_db=tuple(laeq.tolist()),
        lafmax_db=tuple(lafmax.tolist()), lceq_db=tuple(lceq.tolist()), laf10_db=54.1,
        laf50_db=50.2, laf90_db=45.3, lcpeak_db=88.4,
        bands_db=dict(zip(BAND_CENTRES, bands, strict=True)),
    )  # fmt: skip


def health(node: str, at: datetime) -> Health:
    """A node that is well."""
    return Health(
        **draft(node, at), version="0.1.0", uptime_s=3600.0, input="microphone", microphone="ok",
        outbox_depth=1, disk_free_bytes=10**10, memory_rss_bytes=10**8, cpu_load=0.4,
        cpu_temperature_c=44.0, clock_offset_s=0.002, clock_synchronised=True, overflows=0,
        events_dropped=0, calibrated_at=START,
    )  # fmt: skip


def event(node: str, at: datetime, rng: np.random.Generator) -> Event:
    """A pass."""
    start = at + timedelta(seconds=float(rng.uniform(0.0, 50.0)))
    start = start.replace(microsecond=start.microsecond // 1000 * 1000)
    lafmax = round(float(rng.normal(76.0, 5.0)), 1)
    speed = round(float(np.clip(rng.normal(38.0, 8.0), 5.0, 90.0)), 1)
    return Event(
        **draft(node, start + timedelta(seconds=8)), id=event_id(node, start), start=start,
        duration_s=6.0, trigger="emergence", lafmax_db=lafmax, lae_db=round(lafmax + 3, 1),
        laeq_db=round(lafmax - 4, 1), background_laf90_db=45.0,
        emergence_db=round(lafmax - 45.0, 1), bands_db=None,
        source=Source(kind="car", probability=0.8),
        speed=Speed(speed_kmh=speed, low_kmh=round(speed - 3, 1), high_kmh=round(speed + 3, 1),
                    direction=1, method="stereo"),
        speed_refused=None, trace_lafmax_db=(60.0, 66.0, lafmax, 70.0, 64.0, 58.0),
    )  # fmt: skip


def make_ledger(folder: Path, minutes: int) -> int:
    """Fill a ledger, and return how many messages it holds."""
    engine = open_database(f"sqlite:///{folder / 'ledger.sqlite'}")
    registry = Registry(engine)
    registry.add_site(Site(id="ekskolan", name="Ekskolan", latitude=57.3, longitude=12.1))
    since = START - timedelta(days=1)
    registry.add_speed_limit(SpeedLimit(site="ekskolan", kmh=30, since=since))
    registry.set_guideline(
        Guideline(site="ekskolan", quantity="laeq_24h", value_db=55.0, source="benchmark")
    )
    ledger = Ledger(engine, registry)
    count = 0
    for seed, node in enumerate(NODES):
        key = Ed25519PrivateKey.from_private_bytes(node.ljust(32).encode())
        registry.add_node(node, "ekskolan", public_key_text(key.public_key()), since)
        signed = chain(messages(node, minutes, seed), key)
        while batch := list(islice(signed, 1000)):
            count += ledger.append(batch).stored
    engine.dispose()
    return count


def chain(sent: Iterator[Message], key: Ed25519PrivateKey) -> Iterator[Received]:
    """Number, chain and sign messages."""
    prev = GENESIS
    for number, message in enumerate(sent, start=1):
        payload = encode(placed(message, number, prev))
        prev = payload_hash(payload)
        yield Received(topic(message.node, message.kind), payload, sign(payload, key), START)


def exported(folder: Path, minutes: int) -> Path:
    """Make a summary of the ledger in a folder."""
    engine = open_database(f"sqlite:///{folder / 'ledger.sqlite'}")
    request = Request(site="ekskolan", start=START, end=START + minutes * MINUTE)
    exporter = Exporter("benchmark", Ed25519PrivateKey.from_private_bytes(b"b" * 32))
    inventory, asked = Registry(engine).inventory(), Asked("a benchmark")
    made = export(engine, inventory, request, exporter, folder / "out", asked)
    engine.dispose()
    return made.folder


def measured(work: Callable[..., Any], *arguments: Any) -> tuple[float, float, Any]:
    """Run it in a process of its own; return CPU seconds, MB at most, and what it gave."""
    context = multiprocessing.get_context("spawn")
    receive, send = context.Pipe(duplex=False)
    process = context.Process(target=_measured, args=(send, work, arguments))
    process.start()
    try:
        found: tuple[float, float, Any] = receive.recv()
    finally:
        process.join()
    return found


def _measured(send: Any, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    before = time.process_time()
    given = work(*arguments)
    cpu_s = time.process_time() - before
    send.send((cpu_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, given))


def checked(path: Path) -> bool:
    """Check a summary."""
    return verify(path, Expected()).holds


def hashed_s(path: Path) -> float:
    """CPU seconds that hashing a file takes."""
    before = time.process_time()
    with path.open("rb") as file:
        hashlib.file_digest(file, "sha256")
    return time.process_time() - before


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=MONTH_MESSAGES)
    parser.add_argument("--parts", default="4,2,1", help="of the whole: 4 is a quarter")
    options = parser.parse_args()
    whole = MONTH_MINUTES * options.messages // MONTH_MESSAGES
    print("CPU seconds on one core; memory is the most that the process had.")
    print("messages    MB  export  MB mem   verify  MB mem  ratio to SHA-256  us a message")
    for part in (int(text) for text in options.parts.split(",")):
        with tempfile.TemporaryDirectory(prefix="skolro-evidence-") as name:
            folder = Path(name)
            minutes = whole // part
            count = make_ledger(folder, minutes)
            export_s, export_mb, made = measured(exported, folder, minutes)
            verify_s, verify_mb, holds = measured(checked, made)
            if not holds:
                raise SystemExit("the summary does not hold")
            plain = made / "messages.jsonl"
            size_mb = plain.stat().st_size / 1e6
            ratio = verify_s / hashed_s(plain)
            print(
                f"{count:8d} {size_mb:5.0f} {export_s:7.1f} {export_mb:7.0f} {verify_s:8.1f} "
                f"{verify_mb:7.0f} {ratio:17.0f} {1e6 * verify_s / count:13.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
