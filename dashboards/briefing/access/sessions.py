"""Sessions: who is logged in, kept in the database and named by a cookie.

The cookie holds 256 random bits and the table their SHA-256, so that a copy of the database lets
nobody in. A session ends some hours after it began, sooner when nothing is done, and at once at
logout, when the password changes and when the account is disabled.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Engine, Row, delete, select, update

from collector.database import tables
from collector.database.database import reading, writing
from collector.errors import LedgerError
from collector.registry.accounts import Account, account_of

_SEEN_EVERY: Final = timedelta(minutes=1)
"""How exactly it is kept when somebody was last there: not every click is worth a write."""

_BYTES: Final = 32
_LONGEST_DEVICE: Final = 200

_log = logging.getLogger(__name__)

_session: Final = tables.login_session


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Somebody's login on one device; `key` names it to others than the browser that holds it."""

    key: str
    account: Account
    begun_at: datetime
    seen_at: datetime
    expires_at: datetime
    device: str


class Sessions:
    """The sessions in the database `engine`.

    Parameters
    ----------
    longest, idle
        How long a session lasts, and how long without anything being done.
    """

    def __init__(self, engine: Engine, longest: timedelta, idle: timedelta) -> None:
        self._engine = engine
        self._longest = longest
        self._idle = idle

    def begin(self, account: Account, device: str) -> str:
        """Return what the browser is to hold for a new session; forget those that are over."""
        secret = secrets.token_urlsafe(_BYTES)
        now = datetime.now(UTC)
        over = (_session.c.begun_at <= now - self._longest) | (
            _session.c.seen_at <= now - self._idle
        )
        with writing(self._engine) as connection:
            connection.execute(delete(_session).where(over))
            connection.execute(
                _session.insert().values(
                    key=_key(secret),
                    account=account.id,
                    begun_at=now,
                    seen_at=now,
                    device=device[:_LONGEST_DEVICE],
                )
            )
        return secret

    def find(self, secret: str, *, at_work: bool) -> Session | None:
        """The session that a browser holds, if it goes on; `at_work`: somebody does something."""
        now = datetime.now(UTC)
        found = self._going_on(_session.c.key == _key(secret), now)
        if not found:
            return None
        session = found[0]
        if at_work and now - session.seen_at >= _SEEN_EVERY:
            self._seen(session, now)
        return session

    def of(self, account: Account) -> list[Session]:
        """All sessions of somebody that go on, the newest first."""
        return self._going_on(_session.c.account == account.id, datetime.now(UTC))

    def end(self, account: Account, key: str) -> None:
        """End one session of somebody."""
        chosen = (_session.c.key == key) & (_session.c.account == account.id)
        with writing(self._engine) as connection:
            connection.execute(delete(_session).where(chosen))

    def _going_on(self, chosen: Any, now: datetime) -> list[Session]:
        there = (
            select(_session, *_ACCOUNT_COLUMNS)
            .join(tables.account, tables.account.c.id == _session.c.account)
            .where(
                chosen,
                tables.account.c.disabled_at.is_(None),
                _session.c.begun_at > now - self._longest,
                _session.c.seen_at > now - self._idle,
            )
            .order_by(_session.c.begun_at.desc())
        )
        with reading(self._engine) as connection:
            rows = connection.execute(there).all()
        return [self._session(row) for row in rows]

    def _session(self, row: Row[Any]) -> Session:
        ends = min(row.begun_at + self._longest, row.seen_at + self._idle)
        return Session(
            key=row.key,
            account=account_of(row),
            begun_at=row.begun_at,
            seen_at=row.seen_at,
            expires_at=ends,
            device=row.device,
        )

    def _seen(self, session: Session, now: datetime) -> None:
        changed = update(_session).where(_session.c.key == session.key).values(seen_at=now)
        try:
            with writing(self._engine) as connection:
                connection.execute(changed)
        except LedgerError as error:
            # Whoever looks can still be answered; at worst the session ends too early.
            _log.warning("it cannot be kept that %s is there: %s", session.account.name, error)


@dataclass(frozen=True, slots=True)
class Cookies:
    """How cookies of this server are named and kept.

    Where people come by https, the prefix ``__Host-`` lets no other server of the same domain set
    them, and no connection that is not encrypted see them (RFC 6265bis).
    """

    is_encrypted: bool

    def name(self, of: str) -> str:
        """The name of the cookie of the ``session``, or of a ``form`` before there is one."""
        return f"__Host-skolro-{of}" if self.is_encrypted else f"skolro-{of}"

    @property
    def attributes(self) -> Mapping[str, Any]:
        """What every cookie is set with, and removed with."""
        return {
            "path": "/",
            "secure": self.is_encrypted,
            "httponly": True,
            "samesite": "lax",
        }


_ACCOUNT_COLUMNS: Final = tuple(column for column in tables.account.c)


def _key(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
