"""How long those who look at dashboards wait, on a year of a town of up to 50 nodes.

``python -m benchmarks.dashboards [grafana|briefing|live ...] [--sizes 10,25,50] [--weeks 52]``

``briefing``: the first view on a year, by the number of sites (``--sites``) and of events
(``--events``): CPU time of the server for the first reader (nothing is kept yet) and for those who
follow within a minute, how long the first one waits, what goes over the wire, and the memory.
``live``: CPU of the server, in parts of a core, while nobody, one and 50 look at the live view of
50 nodes that each tell a level a second.

``grafana``: every query of every panel, its variables filled in for all sites (*Site*: for one),
over 90 days, against InfluxDB 1.6.7. A town of five simulated schools is forwarded once, with all
that the analysis says of it; its points are then written again under other names until there are
as many nodes as wanted. Levels by the minute and spectra, nine points of ten, are those of the last
13 weeks: of older ones a query for 90 days opens no block. Times are the least of several rounds,
answer included; `CPU` is what influxd used for one answer, and `growth` that for most nodes over
that for fewest: on a machine that does other things as well, times say more about those.
"""

from __future__ import annotations

import os

# Before numpy is loaded: several threads would wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import tempfile
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.load import pages
from collector.analysis.school_calendar import load_calendar
from collector.config import load_config
from collector.database.database import open_database
from collector.figures.figures import Figures
from collector.ledger.ledger import Ledger, LevelHour, StoredMessage
from collector.outputs import Stretch, WriteResult
from collector.outputs.derived import SPECTRUM_1H
from collector.outputs.influx_buckets import statements_1
from collector.outputs.measurements import HOURS, RETENTION_POLICIES, policy_of
from collector.outputs.periods import hour_lines
from collector.outputs.points import lines_of
from collector.registry.registry import Registry
from collector.replay import Replay
from deploy.town.ledger import CALENDAR, CONFIG, write_town
from deploy.town.town import SITES, simulate_town
from sensor.contract.messages import LevelBatch, Message
from tests.dashboards.grafana.asking import PANELS, Asking
from tests.influx import Influx, running

OWN: Final = SITES[:5]
END: Final = datetime(2026, 11, 22, 23, tzinfo=UTC)
LOOKED_AT: Final = timedelta(days=90)
FINE_KEPT: Final = timedelta(weeks=13)
LIMIT_MS: Final = 500
ROUNDS: Final = 3
_FINE_SINCE_NS: Final = int((END - FINE_KEPT).timestamp()) * 10**9
_AT_ONCE: Final = 20_000
_DATABASE: Final = "skolro"

Lines = dict[str | None, list[bytes]]
"""Packed texts of many lines each, by retention policy."""


class Recorder:
    """An output that keeps the lines it is given, packed; `points` is how many they are."""

    name = "recorder"
    messages_per_s = 1e9
    takes_figures = True

    def __init__(self) -> None:
        self.lines: Lines = defaultdict(list)
        self.points = 0

    def write(
        self, messages: Sequence[StoredMessage], ledger: Ledger, registry: Registry
    ) -> WriteResult:
        """Keep what messages say, of levels only the newest ones."""
        since = datetime.now(UTC)
        kept = [one for one in messages if not _too_old(one.message)]
        self._keep(lines_of(kept, ledger, registry.inventory(), seconds_since=since))
        return WriteResult()

    def write_hours(self, hours: Sequence[LevelHour], registry: Registry) -> WriteResult:
        """Keep the levels of hours; they come with the messages once more."""
        self._keep({HOURS: list(hour_lines(hours, registry.inventory()))})
        return WriteResult()

    def replace(self, stretches: Sequence[Stretch]) -> WriteResult:
        """Keep what the analysis says."""
        for stretch in stretches:
            lines = stretch.lines
            if stretch.measurement == SPECTRUM_1H:
                lines = tuple(line for line in lines if _time_ns(line) >= _FINE_SINCE_NS)
            self._keep({policy_of(stretch.measurement): lines})
        return WriteResult()

    def close(self) -> None:
        """Nothing to let go of."""

    def _keep(self, by_policy: Mapping[str | None, Sequence[str]]) -> None:
        for policy, lines in by_policy.items():
            for first in range(0, len(lines), _AT_ONCE):
                part = lines[first : first + _AT_ONCE]
                self.points += len(part)
                self.lines[policy].append(zlib.compress("\n".join(part).encode(), 1))


def _time_ns(line: str) -> int:
    return int(line.rpartition(" ")[2])


def _too_old(message: Message) -> bool:
    return isinstance(message, LevelBatch) and message.start < END - FINE_KEPT


def recorded(folder: Path, weeks: int) -> Recorder:
    """All points of so many weeks of the town, as a refill would write them."""
    town = simulate_town(7, END - timedelta(weeks=weeks), weeks, kind="displaced", sites=OWN)
    for _ in write_town(town, END, folder):
        pass
    engine = open_database(load_config(folder / CONFIG).ledger)
    ledger = Ledger(engine, Registry(engine))
    figures = Figures(ledger, load_calendar(folder / CALENDAR), "Havsbro", clock=lambda: END)
    recorder = Recorder()
    Replay(engine, ledger, recorder, figures).run(END - timedelta(weeks=weeks + 1), END)
    engine.dispose()
    return recorder


def renamed(packed: bytes, number: int) -> str:
    """The lines of another town, whose sites and nodes have other names."""
    text = zlib.decompress(packed).decode()
    for site in OWN:
        text = text.replace(site.id, f"{site.id}-{number}").replace(site.name, f"S{number}")
    return text


def fill(influx: Influx, lines: Lines, number: int) -> None:
    """Write the town of that number."""
    for policy, packed in lines.items():
        for part in packed:
            influx.write(_DATABASE, renamed(part, number), policy or "")


@dataclass(frozen=True, slots=True)
class Asked:
    """One query of a panel, and what it took."""

    panel: str
    took_ms: float
    cpu_ms: float
    rows: int


def ask_all(influx: Influx, towns: int) -> Iterator[Asked]:
    """Ask what every panel asks of so many towns."""
    ask = Asking(influx, _DATABASE, END - LOOKED_AT, END, END + timedelta(minutes=1))
    sites = "|".join(f"{site.id}-{number}" for number in range(towns) for site in OWN)
    for (board, name), panel in PANELS.items():
        chosen = f"{OWN[0].id}-0" if board == "site" else f"({sites})"
        for target in panel["targets"]:
            query = ask.filled(target["query"], panel.get("interval", "1m"), {"site": chosen})
            before_s = influx.cpu_s()
            took_s, rows = _least(partial(influx.query, _DATABASE, query))
            cpu_s = (influx.cpu_s() - before_s) / ROUNDS
            yield Asked(f"{board}.{name} {target['refId']}", 1e3 * took_s, 1e3 * cpu_s, rows)


def _least(work: Callable[[], list[dict[str, Any]]]) -> tuple[float, int]:
    times, rows = [], 0
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        rows = len(work())
        times.append(time.perf_counter() - begin)
    return min(times), rows


def grafana(sizes: Sequence[int], weeks: int) -> None:
    """Print the time of every query by number of nodes."""
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        recorder = recorded(Path(folder), weeks)
        print(f"{recorder.points} points of {len(OWN)} nodes made in "
              f"{time.perf_counter() - begin:.0f} s", flush=True)  # fmt: skip
    found: dict[str, list[Asked]] = defaultdict(list)
    for influx in running():
        for policy in RETENTION_POLICIES:
            for statement in statements_1(_DATABASE, policy):
                influx.query(_DATABASE, statement)
        towns = 0
        for size in sizes:
            while towns * len(OWN) < size:
                fill(influx, recorder.lines, towns)
                towns += 1
            print(f"{size} nodes, {towns * recorder.points} points", flush=True)
            for asked in ask_all(influx, towns):
                found[asked.panel].append(asked)
    _print(sizes, found)


def _print(sizes: Sequence[int], found: Mapping[str, Sequence[Asked]]) -> None:
    waits = "".join(f"{f'{size} nodes':>12}" for size in sizes)
    spent = "".join(f"{f'CPU, {size}':>12}" for size in sizes)
    print(f"{'query':44}{waits}{spent}{'growth':>8}{'rows':>8}")
    for panel, asked in sorted(found.items(), key=lambda one: -one[1][-1].cpu_ms):
        times = "".join(f"{one.took_ms:>9.1f} ms" for one in asked)
        cpu = "".join(f"{one.cpu_ms:>9.1f} ms" for one in asked)
        growth = asked[-1].cpu_ms / max(asked[0].cpu_ms, 1.0)
        print(f"{panel:44}{times}{cpu}{growth:>8.1f}{asked[-1].rows:>8}")
    slow = [panel for panel, asked in found.items() if asked[-1].cpu_ms > LIMIT_MS]
    print(f"over {LIMIT_MS} ms: {', '.join(slow) or 'none'}")


def _numbers(text: str) -> list[int]:
    return [int(one) for one in text.split(",")]


PARTS: Final[Mapping[str, Callable[[argparse.Namespace], None]]] = {
    "grafana": lambda chosen: grafana(_numbers(chosen.sizes), chosen.weeks),
    "briefing": lambda chosen: pages.briefing(_numbers(chosen.events), _numbers(chosen.sites)),
    "live": lambda _: pages.live(),
}


def main() -> None:
    """Run the parts that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="|".join(PARTS), help="all unless told")
    parser.add_argument("--sizes", default="10,25,50")
    parser.add_argument("--weeks", type=int, default=52)
    parser.add_argument("--sites", default="50")
    parser.add_argument("--events", default="20000,200000")
    chosen = parser.parse_args()
    for part in chosen.parts or PARTS:
        PARTS[part](chosen)


if __name__ == "__main__":
    main()
