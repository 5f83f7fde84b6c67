"""One thread that looks after a running collector, and tells the service manager how it does."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from collector.errors import LedgerError
from collector.operations.lag import MessageLag
from collector.operations.operations import Operations
from sensor.contract.systemd import Notifier

log = logging.getLogger(__name__)

_LONGEST_INTERVAL_S: Final = 10.0


class Supervisor:
    """Looks every few seconds, feeds the watchdog while the collector moves, and ends it if not.

    Parameters
    ----------
    operations : Operations
        What is looked at.
    lag : MessageLag
        Counted on at each look.
    notifier : Notifier
        The service manager.
    end : callable
        Ends the service; called once, when only a restart helps.

    Attributes
    ----------
    failure : str, optional
        Why the service had to end.
    """

    def __init__(
        self, operations: Operations, lag: MessageLag, notifier: Notifier, end: Callable[[], None]
    ) -> None:
        self._operations = operations
        self._lag = lag
        self._notifier = notifier
        self._end = end
        self._stopping = threading.Event()
        self.failure: str | None = None

    def look(self) -> None:
        """Look once."""
        self._operations.look()
        self._count()
        problems = self._operations.problems()
        self._notifier.status("; ".join(problem.text for problem in problems) or "all is well")
        if self._operations.is_live:
            self._notifier.alive()
        self.failure = self._operations.failure

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Look, in a thread, for as long as the block runs."""
        thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            thread.join()

    def _run(self) -> None:
        interval_s = min(_LONGEST_INTERVAL_S, self._notifier.interval_s)
        while not self._stopping.wait(interval_s):
            self.look()
            if self.failure is not None:
                log.error("%s: ending, so that it can be restarted", self.failure)
                self._end()
                return

    def _count(self) -> None:
        try:
            self._lag.advance()
        except LedgerError as error:
            # The heartbeat has told already if it is more than a moment.
            log.debug("how long messages take is counted later: %s", error)
