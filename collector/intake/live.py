"""What the nodes measure right now, for those who look right now; never stored."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sensor.contract.messages import Live

_BACKLOG: Final = 100
"""Readings that wait for a slow listener; older ones are dropped."""


class Listener:
    """Gets every reading that comes in while it listens; a slow one misses the oldest."""

    def __init__(self) -> None:
        self._readings: deque[Live] = deque(maxlen=_BACKLOG)
        self._arrived = threading.Condition()

    def put(self, live: Live) -> None:
        """Hand over a reading."""
        with self._arrived:
            self._readings.append(live)
            self._arrived.notify()

    def get(self, timeout_s: float) -> Live | None:
        """Return the next reading; None where none comes in time."""
        with self._arrived:
            self._arrived.wait_for(lambda: bool(self._readings), timeout_s)
            return self._readings.popleft() if self._readings else None


class LiveReadings:
    """The latest reading of each node, and all of them as they come; safe for threads."""

    def __init__(self) -> None:
        self._latest: dict[str, Live] = {}
        self._listeners: set[Listener] = set()
        self._lock = threading.Lock()

    def update(self, live: Live) -> None:
        """Take in a reading."""
        with self._lock:
            self._latest[live.node] = live
            listeners = list(self._listeners)
        for listener in listeners:
            listener.put(live)

    def latest(self, node: str) -> Live | None:
        """The node's latest reading; None where it sent none since the start."""
        with self._lock:
            return self._latest.get(node)

    def all(self) -> dict[str, Live]:
        """The latest reading of each node."""
        with self._lock:
            return dict(self._latest)

    @contextmanager
    def listen(self) -> Iterator[Listener]:
        """Listen for as long as the block runs."""
        listener = Listener()
        with self._lock:
            self._listeners.add(listener)
        try:
            yield listener
        finally:
            with self._lock:
                self._listeners.discard(listener)
