"""The access log: who looked at what on the pages, and when.

Rows are only ever added; a trigger keeps each until its time is over, which was set when it was
written (``access.log_days``), and :meth:`AccessLog.remove_old` removes it then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TypeAlias

from sqlalchemy import Connection, Engine, delete, select

from collector.database import tables
from collector.database.database import reading, writing

LONGEST_SUBJECT: Final = 300

Action: TypeAlias = Literal[
    "view", "send", "login", "login_failed", "login_blocked", "account", "lost"
]
"""``send`` is a form, ``account`` what was done to one; ``lost`` stands for entries that could not
be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessEntry:
    """Somebody looked at something; `account` is None where nobody known was logged in.

    `subject` is the address that was asked for, `status` what was answered (403: refused). Where
    something was done to an account, `subject` tells what, as ``collector.registry.accounts.Note``
    has it, and `address` begins with ``server:`` if it was done there, by command.
    """

    at: datetime
    account: str | None
    role: str | None
    action: Action
    subject: str
    status: int | None
    address: str


class AccessLog:
    """The access log in the database `engine`, whose entries are kept for `keep`."""

    def __init__(self, engine: Engine, keep: timedelta) -> None:
        self._engine = engine
        self._keep = keep

    def add(self, entries: Sequence[AccessEntry]) -> None:
        """Write entries, all or none."""
        with writing(self._engine) as connection:
            self.add_within(connection, entries)

    def add_within(self, connection: Connection, entries: Sequence[AccessEntry]) -> None:
        """Write entries in the transaction of what they tell of."""
        rows = [
            {
                **asdict(one),
                "subject": one.subject[:LONGEST_SUBJECT],
                "keep_until": one.at + self._keep,
            }
            for one in entries
        ]
        connection.execute(tables.access_log.insert(), rows)

    def newest(
        self,
        *,
        account: str | None = None,
        action: Action | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int = 100,
    ) -> list[AccessEntry]:
        """The newest entries, of somebody or all, of one kind or all, within [start, end)."""
        log = tables.access_log.c
        chosen = select(*(log[name] for name in AccessEntry.__slots__))
        if account is not None:
            chosen = chosen.where(log.account == account)
        if action is not None:
            chosen = chosen.where(log.action == action)
        if start is not None:
            chosen = chosen.where(log.at >= start)
        if end is not None:
            chosen = chosen.where(log.at < end)
        with reading(self._engine) as connection:
            rows = connection.execute(chosen.order_by(log.id.desc()).limit(limit)).mappings()
            return [AccessEntry(**row) for row in rows]

    def last_done(self, account: str) -> datetime | None:
        """When somebody last looked, sent or logged in; None: never, or longer ago than is kept."""
        log = tables.access_log.c
        own = log.action.in_(("view", "send", "login"))
        chosen = select(log.at).where(log.account == account, own).order_by(log.at.desc()).limit(1)
        with reading(self._engine) as connection:
            return connection.scalar(chosen)

    def remove_old(self) -> int:
        """Remove entries whose time is over, and return how many they were."""
        over = tables.access_log.c.keep_until < datetime.now(UTC) - timedelta(seconds=2)
        with writing(self._engine) as connection:
            return connection.execute(delete(tables.access_log).where(over)).rowcount
