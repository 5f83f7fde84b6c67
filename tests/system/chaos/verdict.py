"""What is left after the chaos: was anything lost, doubled or changed?"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.table import Table

from collector.ledger.ledger import LedgerCheck
from sensor.contract.messages import Event, Health, LevelBatch
from sensor.contract.signature import payload_hash
from tests.system.chaos.chaos import Chaos, Happened
from tests.system.chaos.sensors import outbox_path

_PAGE: Final = 1000
_POINTS: Final = {
    "event": 'SELECT count(lafmax_db) FROM "event"',
    "health": 'SELECT count(uptime_s) FROM "node_health"',
    "seconds of levels": "SELECT count(laeq_db) FROM seconds.sound_level",
    "minutes of levels": "SELECT count(laeq_db) FROM sound_level_1m",
    "hours of levels": "SELECT count(laeq_db) FROM hours.sound_level_1h",
    "seconds in the hours": "SELECT sum(valid_s) FROM hours.sound_level_1h",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found.

    Attributes
    ----------
    numbered : int
        Messages that any node ever numbered.
    lost : int
        Of these, how many are not in the ledger as the node's outbox has them.
    foreign : int
        Messages in the ledger, or second copies, that no node numbered.
    check : LedgerCheck
        What ``skolro collector check`` finds.
    expected, points : mapping
        What InfluxDB must hold by what the ledger does, and what it holds.
    """

    numbered: int
    lost: int
    foreign: int
    check: LedgerCheck
    expected: Mapping[str, int]
    points: Mapping[str, int]

    @property
    def holds(self) -> bool:
        """Whether nothing was lost, doubled or changed."""
        return (
            not self.lost
            and not self.foreign
            and self.check.holds
            and (self.expected == self.points)
        )


def judge(chaos: Chaos) -> Verdict:
    """Compare outboxes, ledger and InfluxDB."""
    stored: Counter[tuple[str, int, str]] = Counter()
    expected: Counter[str] = Counter(dict.fromkeys(_POINTS, 0))
    periods: set[tuple[str, str, object]] = set()
    position = 0
    while page := chaos.ledger.after(position, _PAGE):
        for item in page:
            stored[item.node, item.seq, payload_hash(item.payload)] += 1
            match item.message:
                case LevelBatch() as levels:
                    minute = levels.start.replace(second=0)
                    periods.add(("minutes of levels", item.node, minute))
                    periods.add(("hours of levels", item.node, minute.replace(minute=0)))
                    expected["seconds of levels"] += len(levels.laeq_db)
                    expected["seconds in the hours"] += len(levels.laeq_db)
                case Event() | Health() as other:
                    expected[other.kind] += 1
        position = page[-1].position
    expected.update(Counter(kind for kind, _, _ in periods))
    numbered = _numbered(chaos)
    return Verdict(
        numbered=sum(numbered.values()),
        lost=sum((numbered - stored).values()),
        foreign=sum((stored - numbered).values()),
        check=chaos.ledger.check(),
        expected=expected,
        points={name: _count(chaos, query) for name, query in _POINTS.items()},
    )


def _numbered(chaos: Chaos) -> Counter[tuple[str, int, str]]:
    found: Counter[tuple[str, int, str]] = Counter()
    for name in chaos.names:
        database = sqlite3.connect(outbox_path(chaos.folder, name))
        rows = database.execute("SELECT seq, payload FROM message").fetchall()
        database.close()
        found.update((name, seq, payload_hash(payload)) for seq, payload in rows)
    return found


def _count(chaos: Chaos, query: str) -> int:
    rows = chaos.influx.query("skolro", query)
    return int(next(iter(rows), {}).get("count", 0) or next(iter(rows), {}).get("sum", 0))


def show(happened: Happened, verdict: Verdict, console: Console) -> None:
    """Print each fault with how often it came, and what became of the messages."""
    table = Table("fault", "times", "seconds away")
    for kind, times in sorted(happened.times.items()):
        table.add_row(kind, str(times), f"{happened.seconds[kind]:.0f}")
    console.print(table)
    table = Table("", "expected", "found")
    table.add_row("messages numbered by nodes, once each in the ledger", str(verdict.numbered),
                  str(verdict.numbered - verdict.lost))  # fmt: skip
    table.add_row("messages lost", "0", str(verdict.lost))
    table.add_row("messages doubled or foreign", "0", str(verdict.foreign))
    table.add_row("check", "holds", "holds" if verdict.check.holds else "does not hold")
    for name, number in verdict.expected.items():
        table.add_row(f"InfluxDB: {name}", str(number), str(verdict.points[name]))
    console.print(table)
