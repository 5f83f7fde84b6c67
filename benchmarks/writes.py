"""What a node writes to its card in a day, beside the messages that it has to keep.

``python -m benchmarks.writes [--minutes 10]``

A node hears a simulated street in real time and sends to a real collector, as at a school. The
kernel counts what its process hands to the disk (``write_bytes`` of ``/proc/PID/io``), the commits
of the outbox included. The peer is the same messages, each written once: what is over that is the
price of losing nothing when the power goes.  Needs a data folder on a disk: ``TMPDIR`` says where.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, func, select

from collector.database.database import open_database, reading
from collector.database.tables import message
from deploy.demo_folder import Table
from tests.peers import wait_for
from tests.system.chain import Chain

NODE: Final = "ekskolan-1"
_STREET: Final[Table] = {"kind": "street"}
_MINUTES_A_DAY: Final = 1440
_MEGABYTE: Final = 1e6
_YEARS: Final = 10


def main() -> None:
    """Measure, and print what follows for a day and for ten years."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="skolro-writes-") as folder:
        written, kept, messages = measured(Path(folder), asked.minutes)
    a_day = _MINUTES_A_DAY / asked.minutes
    print(f"{messages} messages of {kept} bytes in {asked.minutes:g} minutes")
    print(f"written to the disk   {written * a_day / _MEGABYTE:7.1f} MB a day")
    print(f"messages, each once   {kept * a_day / _MEGABYTE:7.1f} MB a day")
    print(f"ratio                 {written / kept:7.1f}")
    print(f"in {_YEARS} years           {written * a_day * 365.25 * _YEARS / 1e12:7.2f} TB")


def measured(folder: Path, minutes: float) -> tuple[int, int, int]:
    """Bytes that the node wrote, bytes of its messages, and how many these were."""
    with Chain(folder) as chain:
        node = chain.start(NODE, _STREET)
        engine = open_database(f"sqlite:///{folder / 'ledger.sqlite'}")
        # What it writes once, at its start, is no matter of days.
        wait_for(lambda: _stored(engine)[1] > 0, 180, "nothing arrived")
        before, begun = _written(node.pid), _stored(engine)
        time.sleep(minutes * 60)
        after, ended = _written(node.pid), _stored(engine)
        engine.dispose()
    return after - before, ended[0] - begun[0], ended[1] - begun[1]


def _stored(engine: Engine) -> tuple[int, int]:
    with reading(engine) as connection:
        total = select(func.sum(func.length(message.c.payload)), func.count())
        size, count = connection.execute(total).one()
    return size or 0, count


def _written(pid: int) -> int:
    text = Path(f"/proc/{pid}/io").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("write_by"))


if __name__ == "__main__":
    main()
