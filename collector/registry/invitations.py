"""Links by which somebody chooses the password of their own account, once.

Whoever makes the link never learns the password. What is secret in it is shown once; the database
keeps its hash, so that who reads the table lets nobody in.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from collector.database import tables
from collector.registry.account_rows import take_back_invitation

INVITED_FOR: Final = timedelta(days=7)
"""How long a link opens its account, unless it is used before."""

_SECRET_BYTES: Final = 24


def invite(connection: Connection, row: Row[Any]) -> str:
    """Make the link of an account, in place of one that it had, and return what is secret in it."""
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    take_back_invitation(connection, row)
    expires_at = datetime.now(UTC) + INVITED_FOR
    values = {"key": _key(secret), "account": row.id, "expires_at": expires_at}
    connection.execute(tables.invitation.insert().values(values))
    return secret


def invited_row(connection: Connection, secret: str) -> Row[Any] | None:
    """The row of the account whose link has that secret, if it still opens it."""
    chosen = (
        select(*tables.account.c)
        .join(tables.invitation, tables.invitation.c.account == tables.account.c.id)
        .where(
            tables.invitation.c.key == _key(secret),
            tables.invitation.c.expires_at > datetime.now(UTC),
            tables.account.c.disabled_at.is_(None),
        )
    )
    return connection.execute(chosen).one_or_none()


def open_until(connection: Connection) -> dict[int, datetime]:
    """Until when links open accounts, by the number of the account."""
    columns = tables.invitation.c
    going_on = columns.expires_at > datetime.now(UTC)
    rows = connection.execute(select(columns.account, columns.expires_at).where(going_on))
    return {row.account: row.expires_at for row in rows}


def _key(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
