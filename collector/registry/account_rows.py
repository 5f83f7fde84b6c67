"""Rows of accounts, and what every change of one has to look at."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, select, update

from collector.database import tables
from collector.errors import RegistryError
from collector.roles import Role

LONGEST_NAME: Final = 100

_NAME: Final = re.compile(r"[a-zåäöéü0-9](?:[a-zåäöéü0-9._@+-]*[a-zåäöéü0-9])?")


class OnlyAdministratorError(RegistryError):
    """Nobody could manage the accounts afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who may log in, unless `disabled_at` is set.

    `site` is where school staff work. Who came by OpenID Connect is `subject` of `issuer`.
    """

    id: int
    name: str
    role: Role
    site: str | None
    has_password: bool
    issuer: str | None
    subject: str | None
    added_at: datetime
    disabled_at: datetime | None


def account_of(row: Row[Any]) -> Account:
    """The account in a row of :data:`tables.account`, which may have more columns."""
    return Account(
        id=row.id,
        name=row.name,
        role=Role(row.role),
        site=row.site,
        has_password=row.password_hash is not None,
        issuer=row.issuer,
        subject=row.subject,
        added_at=row.added_at,
        disabled_at=row.disabled_at,
    )


def spelled(name: str) -> str:
    """`name` as accounts are named: in small letters."""
    return unicodedata.normalize("NFC", name.strip()).lower()


def plain_name(name: str) -> str:
    """`name` as accounts are named; :class:`RegistryError` where it cannot name one."""
    text = spelled(name)
    if len(text) > LONGEST_NAME or _NAME.fullmatch(text) is None:
        raise RegistryError(
            f"{name[:80]!r} cannot name an account: use up to {LONGEST_NAME} letters, digits and "
            "any of . _ @ + -, a letter or digit at both ends"
        )
    return text


def row_named(connection: Connection, name: str) -> Row[Any] | None:
    """The row of an account whose name is spelled so."""
    chosen = select(tables.account).where(tables.account.c.name == name)
    return connection.execute(chosen).one_or_none()


def known_row(connection: Connection, name: str) -> Row[Any]:
    """The row of an account; :class:`RegistryError` where there is none of that name."""
    row = row_named(connection, spelled(name))
    if row is None:
        raise RegistryError(
            f"there is no account {name[:80]!r}: skolro collector user list shows all"
        )
    return row


def set_values(connection: Connection, row: Row[Any], **values: Any) -> Account:
    """Change columns of an account."""
    changed = update(tables.account).where(tables.account.c.id == row.id).values(**values)
    return account_of(connection.execute(changed.returning(*tables.account.c)).one())


def end_sessions(connection: Connection, row: Row[Any]) -> None:
    """Log an account out everywhere."""
    of_it = tables.login_session.c.account == row.id
    connection.execute(delete(tables.login_session).where(of_it))


def take_back_invitation(connection: Connection, row: Row[Any]) -> None:
    """Let the link by which a password can be chosen, if there is one, open nothing any more."""
    of_it = tables.invitation.c.account == row.id
    connection.execute(delete(tables.invitation).where(of_it))


def require_new(connection: Connection, name: str) -> None:
    """Return if nobody has that name."""
    if row_named(connection, name) is not None:
        raise RegistryError(f"there is an account {name} already: choose another name")


def require_site(role: Role, site: str | None) -> None:
    """Return if that role may belong to a site, or does not."""
    if site is not None and role != Role.SCHOOL:
        raise RegistryError(f"only the role school belongs to a site, not {role.value}")


def require_known_site(connection: Connection, site: str | None) -> None:
    """Return if there is such a site, or none is meant."""
    known = list(connection.scalars(select(tables.site.c.id).order_by(tables.site.c.id)))
    if site is not None and site not in known:
        raise RegistryError(
            f"there is no site {site[:80]!r}: known are {', '.join(known)[:200] or 'none'}"
        )


def require_other_administrator(connection: Connection, row: Row[Any]) -> None:
    """Return if somebody else can manage the accounts; :class:`OnlyAdministratorError` else."""
    is_one = row.role == Role.ADMINISTRATOR and row.disabled_at is None
    if is_one and administrators(connection) == 1:
        raise OnlyAdministratorError(
            f"{row.name} is the only administrator: add another one first, or nobody could "
            "manage the accounts"
        )


def administrators(connection: Connection) -> int:
    """How many can log in as administrator."""
    chosen = (tables.account.c.role == Role.ADMINISTRATOR.value) & (
        tables.account.c.disabled_at.is_(None)
    )
    return connection.scalar(select(func.count()).select_from(tables.account).where(chosen)) or 0
