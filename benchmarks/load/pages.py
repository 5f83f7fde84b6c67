"""What the pages cost the server: the briefing's first view, and the live view while many look.

Rows are put into their tables directly and the rollups made from them as a rebuild does. Run as a
program it serves the pages of a ledger whose nodes all tell a level every second:
``python -m benchmarks.load.pages LEDGER-URL PORT``.
"""

from __future__ import annotations

import os

# Before numpy is loaded: several threads would be measured, and wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import gzip
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import httpx
import uvicorn
from argon2 import PasswordHasher
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from fastapi.testclient import TestClient

from benchmarks import analysis
from collector.config import CollectorConfig
from collector.database.database import open_database, writing
from collector.intake.live import LiveReadings
from collector.ledger.ledger import Ledger
from collector.registry.accounts import Accounts
from collector.registry.passwords import Passwords
from collector.registry.registry import Patrol, Registry, Site
from collector.roles import Role
from dashboards.briefing.access.dependencies import Access
from dashboards.briefing.app import create_app
from sensor.contract.messages import Live
from sensor.contract.signature import public_key_text

QUICK = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
LOOKER = "benchmark"
ROUNDS = 3
VIEWERS = 50
LOOKED_AT_S = 20.0
SETTLE_S = 3.0


def filled(url: str, events: int) -> None:
    """A year until now of 50 sites, with patrols at two of them."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    analysis.START = now - timedelta(days=analysis.DAYS)
    engine = open_database(url)
    registry = Registry(engine)
    for number in range(analysis.SITES):
        registry.add_site(Site(id=f"site-{number}", name=f"Plats {number}"))
        key = public_key_text(Ed25519PrivateKey.generate().public_key())
        registry.add_node(f"site-{number}-1", f"site-{number}", key, analysis.START)
    for number in range(2):
        for week in range(6, 2, -1):
            start = now - timedelta(weeks=week, days=number)
            registry.add_patrol(
                Patrol(site=f"site-{number}", start=start, end=start + timedelta(hours=2))
            )
    with writing(engine) as connection:
        analysis.filled(connection, events)
    Accounts(engine, QUICK).add(LOOKER, Role.ADMINISTRATOR, secrets.token_hex(16))
    engine.dispose()


def session(app: FastAPI) -> dict[str, str]:
    """The cookie of somebody who is logged in and may see everything."""
    access: Access = app.state.access
    account = access.accounts.account(LOOKER)
    return {access.cookies.name("session"): access.sessions.begin(account, "benchmark")}


@contextmanager
def served_from(url: str) -> Iterator[FastAPI]:
    """The pages of a ledger, made anew: nothing is kept."""
    engine = open_database(url)
    ledger = Ledger(engine, Registry(engine))
    app = create_app(
        ledger, ledger.registry, CollectorConfig(), LiveReadings(), engine=engine, passwords=QUICK
    )
    try:
        yield app
    finally:
        app.state.renderer.close()
        engine.dispose()


def spent(work: Callable[[], object]) -> tuple[float, float]:
    """CPU and waiting time of something, in milliseconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return 1e3 * (time.process_time() - cpu), 1e3 * (time.perf_counter() - wall)


def briefing(sizes: Sequence[int], site_counts: Sequence[int] = (analysis.SITES,)) -> None:
    """Print what the briefing's first view costs."""
    print(f"briefing: {analysis.DAYS} days; ms, and kB over the wire")
    print(
        f"{'sites':>6} {'events':>9} {'cold CPU':>9} {'cold wait':>9} {'warm CPU':>9} "
        f"{'page kB':>8} {'RSS MB':>7}"
    )
    for sites, size in product(site_counts, sizes):
        analysis.SITES = sites
        with tempfile.TemporaryDirectory() as folder:
            url = f"sqlite:///{folder}/ledger.sqlite"
            filled(url, size)
            # Templates are compiled, and modules loaded, once in the life of a process.
            with served_from(url) as app:
                TestClient(app, cookies=session(app)).get("/briefing").raise_for_status()
            cold, warm, page = [], [], b""
            for _ in range(ROUNDS):
                with served_from(url) as app:
                    client = TestClient(app, cookies=session(app))
                    cold.append(spent(lambda: client.get("/briefing").raise_for_status()))  # noqa: B023 - called at once
                    warm.append(spent(lambda: client.get("/briefing").raise_for_status()))  # noqa: B023 - called at once
                    page = client.get("/briefing").content
            print(
                f"{sites:>6} {size:>9} {min(cold)[0]:>9.0f} {min(wait for _, wait in cold):>9.0f} "
                f"{min(warm)[0]:>9.1f} {len(gzip.compress(page)) / 1e3:>8.1f} "
                f"{_rss_bytes() / 1e6:>7.0f}",
                flush=True,
            )


def _rss_bytes() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def live() -> None:
    """Print what the live view costs."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/ledger.sqlite"
        filled(url, 20_000)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        with served_from(url) as app:
            cookies = session(app)
        command = [sys.executable, "-m", "benchmarks.load.pages", url, str(port)]
        server = subprocess.Popen(command)
        try:
            address = f"http://127.0.0.1:{port}"
            _await(address)
            print(f"live: {analysis.SITES} nodes, a level each a second; parts of one core")
            print(f"{'viewers':>9} {'CPU':>9} {'messages':>9} {'kB/s each':>9}")
            for viewers in (0, 1, VIEWERS):
                cpu, messages, received = _watched(server.pid, address, cookies, viewers)
                each = received / 1e3 / LOOKED_AT_S / max(1, viewers)
                print(f"{viewers:>9} {cpu:>9.3f} {messages:>9} {each:>9.1f}", flush=True)
        finally:
            server.terminate()
            server.wait(20)


def _await(address: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{address}/health").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the server did not start")


def _watched(
    pid: int, address: str, cookies: dict[str, str], viewers: int
) -> tuple[float, int, int]:
    """Parts of a core, messages and bytes, while so many look."""
    counts = [[0, 0] for _ in range(viewers)]
    over = threading.Event()

    def look(count: list[int]) -> None:
        with (
            httpx.Client(cookies=cookies, timeout=60) as browser,
            browser.stream("GET", f"{address}/live/stream?lang=sv") as answer,
        ):
            answer.raise_for_status()
            for part in answer.iter_bytes():
                count[0] += part.count(b"event: ")
                count[1] += len(part)
                if over.is_set():
                    return

    threads = [threading.Thread(target=look, args=(count,)) for count in counts]
    for thread in threads:
        thread.start()
    time.sleep(SETTLE_S)
    begin_s, begun = _cpu_s(pid), time.monotonic()
    time.sleep(LOOKED_AT_S)
    part = (_cpu_s(pid) - begin_s) / (time.monotonic() - begun)
    over.set()
    for thread in threads:
        thread.join()
    return part, sum(count[0] for count in counts), sum(count[1] for count in counts)


def _cpu_s(pid: int) -> float:
    """Seconds that a process has worked, in all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def serve(url: str, port: int) -> None:
    """Serve the pages, and let every node tell its level each second."""
    engine = open_database(url)
    ledger = Ledger(engine, Registry(engine))
    readings = LiveReadings()

    def tell() -> None:
        second = 0
        while True:
            second += 1
            now = datetime.now(UTC)
            for number in range(analysis.SITES):
                level_db = 50.0 + (second * 7 + number * 3) % 20
                readings.update(
                    Live(
                        node=f"site-{number}-1",
                        time=now,
                        laeq_db=level_db,
                        lafmax_db=level_db + 3.0,
                    )
                )
            time.sleep(1.0)

    threading.Thread(target=tell, daemon=True).start()
    app = create_app(ledger, ledger.registry, CollectorConfig(), readings, engine=engine)
    uvicorn.run(app, port=port, log_level="warning", timeout_graceful_shutdown=2)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
