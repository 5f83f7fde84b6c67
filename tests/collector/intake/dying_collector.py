"""A collector that a power cut hits at a chosen point; run as a program of its own.

Arguments: ledger URL, broker's port, ``before`` or ``after`` (the commit) or ``never``, and at
which commit. What it is doing when it dies is real: the subscriber, the intake, the ledger.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence

from collector.config import Broker
from collector.database.database import open_database
from collector.intake.live import LiveReadings
from collector.intake.subscriber import Subscriber
from collector.ledger.ledger import AppendResult, Ledger, Received
from collector.registry.registry import Registry


class DyingLedger(Ledger):
    """Kills its process just before, or just after, a commit."""

    moment = "never"
    commits_left = 1

    def append(self, batch: Sequence[Received]) -> AppendResult:
        """Append, and perhaps die."""
        self.commits_left -= 1
        if self.commits_left == 0 and self.moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = super().append(batch)
        if self.commits_left == 0 and self.moment == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return result


def main(url: str, port: str, moment: str, commits: str) -> None:
    """Collect until killed."""
    engine = open_database(url)
    ledger = DyingLedger(engine, Registry(engine))
    ledger.moment, ledger.commits_left = moment, int(commits)
    subscriber = Subscriber(Broker(port=int(port)), ledger, LiveReadings())
    subscriber.start()
    print("collecting", flush=True)  # noqa: T201 - the test waits for this line
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
