"""Notes who looks at what, without holding anybody up.

Entries wait in memory for a thread that writes them in batches, within a second. What cannot be
written for long, because the database is away or the queue is full, goes to the server's own log,
line by line, and a row tells how many are missing: nothing is lost in silence. Whoever ends the
process by force or cuts its power may lose the last second.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import deque
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from collector.access_log import AccessEntry, AccessLog, Action
from collector.errors import LedgerError
from collector.registry.accounts import Note
from dashboards.briefing.access.visitor import Visitor, is_page_wanted

_MOST_WAITING: Final = 20_000
_AT_ONCE: Final = 500
_EVERY_S: Final = 0.5
_REMOVE_EVERY_S: Final = 3600.0
_SAME_FOR_S: Final = 600.0
"""A page that is left open asks the same every second: that is one look in ten minutes."""

_MOST_SEEN: Final = 10_000
_NOBODYS: Final = ("/static/", "/health", "/metrics", "/openapi.json", "/chart/vega.js")

_SECRET: Final = re.compile(r"^/(feeds|d|welcome)/[A-Za-z0-9_-]{32}(?=/|$)")
"""What stands in a link that lets in whoever knows it, which nobody is to learn from the log."""

_log = logging.getLogger(__name__)


class AccessNotes:
    """Entries on their way to the access log; :meth:`close` writes the rest."""

    def __init__(self, log: AccessLog, most_waiting: int = _MOST_WAITING) -> None:
        self._stored = log
        self._most = most_waiting
        self._waiting: deque[AccessEntry] = deque()
        self._lock = threading.Lock()
        self._missing = 0
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._seen: dict[tuple[str, str], float] = {}

    def start(self) -> None:
        """Begin to write."""
        self._thread = threading.Thread(target=self._run, name="access log", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write what waits, and end."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        while self._waiting and self._write():
            pass
        for entry in self._waiting:
            self._tell(entry)
        self._waiting.clear()

    def note(
        self,
        visitor: Visitor,
        action: Action,
        subject: str,
        status: int | None = None,
        account: str | None = None,
    ) -> None:
        """Note something that somebody did; `account` where the visitor is not logged in yet."""
        entry = _entry(visitor, action, subject, status, account)
        with self._lock:
            if len(self._waiting) < self._most:
                self._waiting.append(entry)
                return
            self._missing += 1
        self._tell(entry)

    def of_changes(self, visitor: Visitor, account: str | None = None) -> Note:
        """How what somebody does to accounts is noted: at once, or it is not done."""

        def note(connection: Connection, said: str) -> None:
            self._stored.add_within(connection, [_entry(visitor, "account", said, None, account)])

        return note

    def is_new(self, visitor: Visitor, subject: str) -> bool:
        """Whether a page's script has not asked for the same in the last minutes."""
        if visitor.session is None:
            return True
        key, now = (visitor.session.key, subject), time.monotonic()
        with self._lock:
            last = self._seen.get(key)
            if last is not None and now - last < _SAME_FOR_S:
                return False
            if len(self._seen) >= _MOST_SEEN:
                self._seen = {k: at for k, at in self._seen.items() if now - at < _SAME_FOR_S}
            if len(self._seen) < _MOST_SEEN:
                self._seen[key] = now
        return True

    def _run(self) -> None:
        remove_at = time.monotonic()
        while not self._ending.wait(_EVERY_S):
            while self._waiting and self._write():
                pass
            if time.monotonic() >= remove_at:
                self._remove_old()
                remove_at = time.monotonic() + _REMOVE_EVERY_S

    def _write(self) -> bool:
        """Write some of what waits; False: it cannot be written now, and waits on."""
        with self._lock:
            some = [self._waiting[at] for at in range(min(_AT_ONCE, len(self._waiting)))]
            missing = self._missing
        lost = [_lost(missing)] if missing else []
        try:
            self._stored.add([*some, *lost])
        except LedgerError as error:
            _log.warning("%d entries of the access log wait: %s", len(self._waiting), error)
            return False
        with self._lock:
            for _ in some:
                self._waiting.popleft()
            self._missing -= missing
        return True

    def _remove_old(self) -> None:
        try:
            self._stored.remove_old()
        except LedgerError as error:
            _log.warning("old entries of the access log stay for now: %s", error)

    def _tell(self, entry: AccessEntry) -> None:
        _log.error("not in the access log, so here: %s", entry)


class AccessNoting:
    """ASGI middleware that notes every answer to somebody who is logged in."""

    def __init__(self, app: ASGIApp, notes: AccessNotes) -> None:
        self._app = app
        self._notes = notes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http" or scope["path"].startswith(_NOBODYS):
            await self._app(scope, receive, send)
            return

        async def send_and_note(message: Message) -> None:
            # When it begins, since an answer may last for hours.
            if message["type"] == "http.response.start":
                self._note(scope, message["status"])
            await send(message)

        await self._app(scope, receive, send_and_note)

    def _note(self, scope: Scope, status: int) -> None:
        visitor: Visitor | None = scope.get("state", {}).get("visitor")
        if visitor is None or visitor.session is None:
            return
        request = Request(scope)
        query = request.url.query
        path = _SECRET.sub(r"/\1/…", request.url.path)
        subject = f"{path}?{query}" if query else path
        is_look = request.method in {"GET", "HEAD"}
        if is_look and not is_page_wanted(request) and not self._notes.is_new(visitor, subject):
            return
        self._notes.note(visitor, "view" if is_look else "send", subject, status)


def _entry(
    visitor: Visitor, action: Action, subject: str, status: int | None, account: str | None
) -> AccessEntry:
    return AccessEntry(
        at=datetime.now(UTC),
        account=visitor.account.name if visitor.account is not None else account,
        role=None if visitor.role is None else visitor.role.value,
        action=action,
        subject=subject,
        status=status,
        address=visitor.address[:45],
    )


def _lost(count: int) -> AccessEntry:
    return AccessEntry(
        at=datetime.now(UTC),
        account=None,
        role=None,
        action="lost",
        subject=f"{count} entries could not be written here: they stand in the server's log",
        status=None,
        address="",
    )
