"""Looks whether the door is open, and lets the page and the work be there only then."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sensor.commissioning.opening import Door
from sensor.commissioning.server import PageServer
from sensor.commissioning.work import Work
from sensor.config import CommissioningPage
from sensor.errors import SensorError

log = logging.getLogger(__name__)

LOOK_S: Final = 1.0
_COUNT_S: Final = 30.0


class Gate:
    """Serves the page of `node` while its door is open.

    Parameters
    ----------
    page : CommissioningPage
        Where it listens.
    node : str
    door : Door
    work : Work
    """

    def __init__(self, page: CommissioningPage, node: str, door: Door, work: Work) -> None:
        self._page = page
        self._node = node
        self._door = door
        self._work = work
        self._server: PageServer | None = None
        self._somebody_is_in = False
        self._counted_at = time.monotonic()

    def look(self) -> None:
        """Look once; whatever is wrong with the door, measuring goes on."""
        try:
            self._look()
        except SensorError as error:
            log.error("%s", error)
            self._door.close()

    def _look(self) -> None:
        lock = self._server.lock if self._server else threading.Lock()
        with lock:
            now = time.monotonic()
            opening = self._door.look()
            if opening is None:
                self._counted_at = now
            elif now - self._counted_at >= _COUNT_S:
                self._door.pass_time(now - self._counted_at)
                self._counted_at = now
        if opening is None:
            self.close()
            return
        if self._server is None:
            self._server = PageServer(self._page, self._node, self._door, self._work)
            self._server.start()
            log.warning("commissioning is open at port %d", self._page.port)
        self._be_in(opening.session_sha256 is not None)

    def _be_in(self, somebody: bool) -> None:
        if somebody == self._somebody_is_in:
            return
        self._somebody_is_in = somebody
        if somebody:
            self._work.begin_hearing()
        else:
            self._work.end_hearing()

    def close(self) -> None:
        """Let nobody in, and stop serving."""
        self._be_in(False)
        if self._server is not None:
            server, self._server = self._server, None
            server.stop()
            log.warning("commissioning is closed")


@contextmanager
def watched(gate: Gate) -> Iterator[None]:
    """Look every second, in a thread."""
    stopping = threading.Event()

    def look() -> None:
        while not stopping.wait(LOOK_S):
            gate.look()

    gate.look()
    thread = threading.Thread(target=look, name="gate", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
        gate.close()
