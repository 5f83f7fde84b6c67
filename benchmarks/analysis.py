"""What the briefing costs by how much raw history there is: time against the number of events.

``python -m benchmarks.analysis [--events 20000,200000,2000000]``: 50 sites and a year of measured
hours; events are spread over it as evenings are, put into their table directly, and the rollups
made from them as a rebuild does. For each size:

- hours of all sites from the rollups, and the same counted from raw events by the database;
- rates and the plan of the coming week from those hours;
- the whole briefing: hours, rates and plan; beside its CPU time what somebody waits for it.

Times are CPU time of one thread but where it says waited, the least of several rounds; ratios are
within this run.
"""

from __future__ import annotations

import os

# Before numpy is loaded: several threads would be measured, and wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import BigInteger, Connection, Engine, func, select, type_coerce

from collector.analysis.hours import HOURS_A_WEEK, SiteHours, hour_at
from collector.analysis.patrol import plan_week
from collector.analysis.school_calendar import EXAMPLE, load_calendar
from collector.database.database import open_database, reading, writing
from collector.database.tables import event, level_hour
from collector.ledger import rollups
from collector.ledger.ledger import Ledger
from collector.pattern_tables import hours_of_sites
from collector.registry.registry import Registry, Site

SITES = 50
START = datetime(2025, 11, 24, tzinfo=UTC)
DAYS = 364
END = START + timedelta(days=DAYS)
ROUNDS = 15
AT_ONCE = 20_000
US_AN_HOUR = 3_600_000_000


def least_s(work: Callable[[], object], rounds: int = ROUNDS) -> tuple[float, float]:
    """Least CPU time of several rounds and least time waited, after one to warm up."""
    work()
    times = []
    for _ in range(rounds):
        cpu, waited = time.process_time(), time.perf_counter()
        work()
        times.append((time.process_time() - cpu, time.perf_counter() - waited))
    return min(cpu for cpu, _ in times), min(waited for _, waited in times)


def hour_rows() -> Iterator[dict[str, object]]:
    """A year of measured hours, one node a site, each with an outage of its own."""
    for site in range(SITES):
        away = range(100 * site, 100 * site + 60)
        for hour in range(24 * DAYS):
            if hour not in away:
                yield {
                    "node": f"site-{site}-1",
                    "site": f"site-{site}",
                    "hour": START + timedelta(hours=hour),
                    "simulated": False,
                    "energy": 1e5,
                    "lafmax_db": 70.0,
                    "valid_s": 3600,
                }


def event_rows(count: int) -> Iterator[dict[str, object]]:
    """Events of a year, more in the evening, half of them in runs of passes."""
    rng = np.random.default_rng(1)
    site = rng.integers(0, SITES, count)
    day = rng.integers(0, DAYS, count)
    second = np.clip(rng.normal(19.5, 2.5, count), 0, 23.99) * 3600
    # Half of them follow the one before by a lap.
    follows = rng.random(count) < 0.5
    for i in np.flatnonzero(follows[1:]) + 1:
        site[i], day[i], second[i] = site[i - 1], day[i - 1], min(second[i - 1] + 90, 86_390)
    rows = zip(site.tolist(), day.tolist(), second.tolist(), strict=True)
    for position, (where, when, at_s) in enumerate(rows, start=1):
        yield {
            "position": position,
            "node": f"site-{where}-1",
            "site": f"site-{where}",
            "id": f"{position:016x}",
            "start": START + timedelta(days=when, seconds=at_s),
            "duration_s": 4.0,
            "trigger": "level",
            "lafmax_db": 78.0,
            "lae_db": 82.0,
            "laeq_db": 75.0,
            "source": "car",
            "speed_kmh": 40.0,
            "speed_low_kmh": 37.0,
            "speed_high_kmh": 43.0,
            "direction": 1,
            "speed_method": "stereo",
            "simulated": False,
            "flags": [],
        }


def filled(connection: Connection, count: int) -> float:
    """Fill the tables and return how long the rollups took."""
    for table, rows in ((level_hour, hour_rows()), (event, event_rows(count))):
        batch = []
        for row in rows:
            batch.append(row)
            if len(batch) == AT_ONCE:
                connection.execute(table.insert(), batch)
                batch = []
        if batch:
            connection.execute(table.insert(), batch)
    start = time.process_time()
    rollups.refill(connection)
    return time.process_time() - start


def from_raw(engine: Engine) -> None:
    """Hours of all sites, counted by the database from events and levels."""
    hour = type_coerce(event.c.start, BigInteger) // US_AN_HOUR
    counts = select(event.c.site, hour, func.count()).group_by(event.c.site, hour)
    measured = select(level_hour.c.site, level_hour.c.hour, func.max(level_hour.c.valid_s))
    with reading(engine) as connection:
        connection.execute(counts).all()
        connection.execute(measured.group_by(level_hour.c.site, level_hour.c.hour)).all()


def measure(folder: Path, count: int) -> None:
    """Print the figures of one size."""
    engine = open_database(f"sqlite:///{folder / f'{count}.sqlite'}")
    registry = Registry(engine)
    for number in range(SITES):
        registry.add_site(Site(id=f"site-{number}", name=f"Site {number}"))
    with writing(engine) as connection:
        made_s = filled(connection, count)
    ledger = Ledger(engine, registry)
    calendar = load_calendar(EXAMPLE)

    def hours() -> list[SiteHours]:
        return list(hours_of_sites(ledger, start=START, end=END).values())

    def briefing() -> None:
        plan_week(hours(), calendar, hour_at(END))

    tables = hours()
    hours_s, _ = least_s(hours)
    briefing_s, waited_s = least_s(briefing)
    plan_s, _ = least_s(lambda: plan_week(tables, calendar, hour_at(END)))
    raw_s, _ = least_s(lambda: from_raw(engine), 1)
    rows = sum(len(table) for table in tables)
    episodes = sum(int(table.episodes.sum()) for table in tables)
    print(
        f"{count:>9} {rows:>8} {episodes:>8} {made_s:>9.1f} {1e3 * hours_s:>9.0f} "
        f"{1e3 * plan_s:>10.0f} {1e3 * briefing_s:>8.0f} {1e3 * waited_s:>6.0f} "
        f"{1e3 * raw_s:>6.0f} {raw_s / hours_s:>9.1f}",
        flush=True,
    )
    engine.dispose()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", default="20000,200000,2000000")
    sizes = [int(size) for size in parser.parse_args().events.split(",")]
    print(f"{SITES} sites, {DAYS // 7} weeks of {HOURS_A_WEEK} hours; times in ms, rollups in s")
    print(
        f"{'events':>9} {'hours':>8} {'episodes':>8} {'rollups s':>9} {'hours':>9} "
        f"{'rates+plan':>10} {'briefing':>8} {'waited':>6} {'raw':>6} {'raw/hours':>9}"
    )
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            measure(Path(folder), size)


if __name__ == "__main__":
    main()
