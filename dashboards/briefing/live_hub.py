"""What happens now, as it comes: one reader of the readings, fanned out to all who look.

While somebody looks, a thread reads once a second. It tells levels that changed, and when there is
a new event, else every few seconds, the parts of the page that changed. All of it is made once for
each language and subject, however many look.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec

from collector.errors import CollectorError
from collector.writing import Code
from dashboards.briefing.board import Board
from dashboards.briefing.language import language

TICK_S: Final = 1.0
PARTS_EVERY_S: Final = 5.0
STILL_EVERY_S: Final = 10.0
"""How often something is sent at the latest, so that a lost connection is noticed."""

_WAITING: Final = 20
"""Messages that wait for a slow viewer; older ones are dropped."""

_NEWEST: Final = 12

_log = logging.getLogger(__name__)


class Subject(NamedTuple):
    """What somebody looks at: all sites (None) or one, in a language."""

    code: Code
    site: str | None


Render = Callable[[Subject], str]
"""Makes the parts of a page that change, as HTML."""


@dataclass(eq=False, slots=True)
class Viewer:
    """Somebody who looks; what is to be sent waits in `queue`."""

    subject: Subject
    loop: asyncio.AbstractEventLoop
    queue: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue(_WAITING))

    def put(self, message: bytes) -> None:
        """Let a message wait, in place of the oldest where there is no room."""
        if self.queue.full():
            self.queue.get_nowait()
        self.queue.put_nowait(message)


@dataclass(slots=True)
class _Told:
    """What all viewers of a subject have been told."""

    levels: dict[str, str] = field(default_factory=dict)
    events: tuple[int, ...] = ()
    parts: str = ""
    parts_at: float = 0.0


class LiveHub:
    """Tells all viewers; safe for threads.

    Parameters
    ----------
    board : Board
        Where it is read.
    render : callable
        Makes the parts of a subject's page.
    """

    def __init__(self, board: Board, render: Render) -> None:
        self._board = board
        self._render = render
        self._viewers: set[Viewer] = set()
        self._told: dict[Subject, _Told] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def parts(self, subject: Subject) -> str:
        """The parts of a subject's page that change, as they are now."""
        return self._render(subject)

    @property
    def viewers(self) -> int:
        """How many look."""
        with self._lock:
            return len(self._viewers)

    @contextmanager
    def viewing(self, subject: Subject) -> Iterator[Viewer]:
        """Look for as long as the block runs, within an event loop."""
        viewer = Viewer(subject, asyncio.get_running_loop())
        with self._lock:
            self._viewers.add(viewer)
            # Whoever comes to others gets what they were told last, and so do they once more.
            self._told.pop(subject, None)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="live", daemon=True)
                self._thread.start()
        try:
            yield viewer
        finally:
            with self._lock:
                self._viewers.discard(viewer)

    def _run(self) -> None:
        still_at = time.monotonic()
        while subjects := self._subjects():
            for subject in subjects:
                self._tell(subject)
            if time.monotonic() - still_at >= STILL_EVERY_S:
                still_at = time.monotonic()
                self._send(sse("still", ""), subjects)
            time.sleep(TICK_S)

    def _subjects(self) -> set[Subject]:
        """What is looked at; nothing: the thread ends, and the next viewer starts another."""
        with self._lock:
            subjects = {viewer.subject for viewer in self._viewers}
            for gone in self._told.keys() - subjects:
                del self._told[gone]
            if not subjects:
                self._thread = None
            return subjects

    def _tell(self, subject: Subject) -> None:
        try:
            messages = list(self._news(subject))
        except CollectorError as error:
            # The pages say for themselves that nothing comes any more.
            _log.warning("live view: %s", error)
            return
        for message in messages:
            self._send(message, {subject})

    def _send(self, message: bytes, subjects: set[Subject]) -> None:
        with self._lock:
            viewers = [one for one in self._viewers if one.subject in subjects]
        for loop in {one.loop for one in viewers}:
            there = [one for one in viewers if one.loop is loop]
            loop.call_soon_threadsafe(_put_all, there, message)

    def _news(self, subject: Subject) -> Iterator[bytes]:
        with self._lock:
            told = self._told.setdefault(subject, _Told())
        rows = self._board.ledger.events(site=subject.site, limit=_NEWEST)
        events = tuple(row.position for row in rows)
        now = time.monotonic()
        if events != told.events or now - told.parts_at >= PARTS_EVERY_S:
            told.events, told.parts_at = events, now
            parts = self.parts(subject)
            if parts != told.parts:
                told.parts = parts
                yield sse("parts", parts)
        levels = self._levels(subject)
        if levels != told.levels:
            told.levels = levels
            yield sse("levels", msgspec.json.encode(levels).decode())

    def _levels(self, subject: Subject) -> dict[str, str]:
        t = language(subject.code)
        now = datetime.now(UTC)
        return {
            node: t.text("nodes.unmeasured") if level is None else t.level(level)
            for node, level in self._board.levels_now(now, subject.site).items()
        }


def _put_all(viewers: list[Viewer], message: bytes) -> None:
    for viewer in viewers:
        viewer.put(message)


def sse(kind: str, data: str) -> bytes:
    """Return a server-sent event; see the HTML standard, 9.2."""
    lines = "".join(f"data: {line}\n" for line in data.splitlines() or [""])
    return f"event: {kind}\n{lines}\n".encode()
