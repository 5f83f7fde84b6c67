"""Simulated nodes that send 50 times as fast as real ones, as a program that may be killed.

    python -m tests.system.chaos.sensors FOLDER PORT START EACH NODE...

What they tell is made up; outbox, chain, signature and publisher are the product's own. What a
node tells follows from the number of the message alone, so that one that was killed goes on where
it stopped. Each ends its own minute of a busy street in 8 messages: the levels, its health, and an
event every ten seconds. After EACH messages a node only sends what is not acknowledged yet.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from sensor.config import Broker
from sensor.contract.messages import Message
from sensor.identity import load_or_make_key
from sensor.outbox import Outbox
from sensor.publisher import Publisher
from tests.peers import event, health, levels

SPEED: Final = 50
A_MINUTE: Final = 8
"""Messages of a node in a minute."""

_TICK_S: Final = 0.05
_RESEND_S: Final = 2.0


class Sensor:
    """A node: from the clock to the outbox, and from there to the broker."""

    def __init__(self, name: str, folder: Path, start: datetime, each: int) -> None:
        self.name = name
        self.outbox = Outbox(outbox_path(folder, name), name, load_or_make_key(folder / name))
        self._start = start
        self._each = each
        self._first_seq = self.outbox.last_seq
        self._begun = time.monotonic()

    @contextmanager
    def online(self, port: int) -> Iterator[Publisher]:
        """While its publisher runs."""
        publisher = Publisher(self.outbox, Broker(port=port), resend_s=_RESEND_S)
        publisher.start(may_be_away=True)
        try:
            yield publisher
        finally:
            publisher.stop(drain_s=0)
            self.outbox.close()

    def measure(self) -> bool:
        """Put into the outbox, one by one, what has happened by now; return whether there was."""
        minutes = SPEED * (time.monotonic() - self._begun) / 60
        due = min(self._each, self._first_seq + int(minutes * A_MINUTE))
        there = self.outbox.last_seq
        for seq in range(there + 1, due + 1):
            self.outbox.append(self._message(seq))
        return due > there

    def _message(self, seq: int) -> Message:
        minute, number = divmod(seq - 1, A_MINUTE)
        at = self._start + timedelta(minutes=minute)
        match number:
            case 0:
                return levels(self.name, at)
            case 1:
                return health(self.name, at + timedelta(minutes=1))
            case _:
                return event(self.name, at + timedelta(seconds=10 * (number - 2)))


def outbox_path(folder: Path, name: str) -> Path:
    """Where a node keeps its outbox."""
    return folder / name / "outbox.sqlite"


def main(folder: str, port: str, start: str, each: str, *names: str) -> None:
    """Measure and send until killed, or asked to end."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    with ExitStack() as stack:
        sensors = {}
        for name in names:
            sensor = Sensor(name, Path(folder), datetime.fromisoformat(start), int(each))
            sensors[sensor] = stack.enter_context(sensor.online(int(port)))
        while not ending.wait(_TICK_S):
            for sensor, publisher in sensors.items():
                if sensor.measure():
                    publisher.wake()


if __name__ == "__main__":
    main(*sys.argv[1:])
