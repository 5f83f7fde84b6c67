"""What systemd does by a node's units, where there is no systemd."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.processes import Child
from sensor.updating.exchange import RESTART_FILE, WISH_FILE

_LOOK_S = 0.2
_PAUSE_S = 0.5
_END_S = 30.0


class NodeServices:
    """Starts what ends, and what is asked for.

    A wish starts the updater, and what the updater writes for it starts the process that measures
    anew, as the path units do.

    Parameters
    ----------
    exchange : Path
        The folder that both share.
    sensor, updater : callable
        Start them.
    """

    def __init__(
        self, exchange: Path, sensor: Callable[[], Child], updater: Callable[[], Child]
    ) -> None:
        self._exchange = exchange
        self._sensor = sensor
        self._updater = updater
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._manage, name="service manager")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._thread.join()

    def _manage(self) -> None:
        # One thread for its whole life: a child ends with the thread that started it.
        wish, restart = self._content(WISH_FILE), self._content(RESTART_FILE)
        sensor, updater = self._sensor(), self._updater()
        while not self._stopping.wait(_LOOK_S):
            if self._content(RESTART_FILE) != restart:
                restart = self._content(RESTART_FILE)
                sensor.terminate()
                sensor.join(_END_S)
                sensor = self._sensor()
            elif sensor.status is not None:
                self._stopping.wait(_PAUSE_S)
                sensor = self._sensor()
            if self._content(WISH_FILE) != wish and updater.status is not None:
                wish = self._content(WISH_FILE)
                updater = self._updater()
        for child in (updater, sensor):
            child.terminate()
            child.join(_END_S)

    def _content(self, name: str) -> bytes | None:
        try:
            return (self._exchange / name).read_bytes()
        except FileNotFoundError:
            return None
