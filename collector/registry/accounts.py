"""Accounts of those who may see more than everybody: who they are, and in which role."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, func, select, update

from collector.database import tables
from collector.database.database import reading, writing
from collector.errors import RegistryError
from collector.registry.passwords import Passwords, require_good
from collector.roles import Role

__all__ = ["Account", "Accounts", "Role", "account_of", "plain_name", "spelled"]

LONGEST_NAME: Final = 100

_NAME: Final = re.compile(r"[a-zåäöéü0-9](?:[a-zåäöéü0-9._@+-]*[a-zåäöéü0-9])?")


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


class Accounts:
    """The accounts in the database `engine`; safe for several threads and processes.

    All that changes something raises :class:`RegistryError` where it contradicts what is there,
    and :class:`LedgerError` where the database cannot be written. Whatever takes rights away ends
    the account's sessions at once.
    """

    def __init__(self, engine: Engine, passwords: Passwords | None = None) -> None:
        self._engine = engine
        self._passwords = passwords or Passwords()

    def all(self) -> list[Account]:
        """All accounts by name."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(tables.account).order_by(tables.account.c.name))
            return [account_of(row) for row in rows]

    def account(self, name: str) -> Account:
        """The account of that name; :class:`RegistryError` where there is none."""
        with reading(self._engine) as connection:
            return account_of(_known(connection, name))

    def named(self, name: str) -> Account | None:
        """The account of that name, if there is one."""
        with reading(self._engine) as connection:
            row = _row(connection, spelled(name))
        return None if row is None else account_of(row)

    def of_subject(self, issuer: str, subject: str) -> Account | None:
        """The account of somebody whom an OpenID provider names."""
        of_it = (tables.account.c.issuer == issuer) & (tables.account.c.subject == subject)
        with reading(self._engine) as connection:
            row = connection.execute(select(tables.account).where(of_it)).one_or_none()
        return None if row is None else account_of(row)

    def has_administrator(self) -> bool:
        """Whether anybody can log in as administrator."""
        with reading(self._engine) as connection:
            return _administrators(connection) > 0

    def require_addable(self, name: str, role: Role, site: str | None = None) -> None:
        """Return if such an account can be added, before anybody is asked for a password."""
        known_as = plain_name(name)
        _require_site(role, site)
        with reading(self._engine) as connection:
            _require_new(connection, known_as)
            _require_known_site(connection, site)

    def add(
        self,
        name: str,
        role: Role,
        password: str | None,
        site: str | None = None,
        *,
        issuer: str | None = None,
        subject: str | None = None,
    ) -> Account:
        """Add an account; one without password can only come by OpenID Connect."""
        known_as = plain_name(name)
        _require_site(role, site)
        hashed = None
        if password is not None:
            require_good(password, known_as)
            hashed = self._passwords.hash(password)
        with self._changing() as connection:
            _require_new(connection, known_as)
            _require_known_site(connection, site)
            added = tables.account.insert().values(
                name=known_as,
                role=role.value,
                site=site,
                password_hash=hashed,
                issuer=issuer,
                subject=subject,
                added_at=datetime.now(UTC),
            )
            row = connection.execute(added.returning(*tables.account.c)).one()
            return account_of(row)

    def link(self, name: str, issuer: str, subject: str) -> Account:
        """Let somebody whom an OpenID provider names have an account that has no password."""
        with self._changing() as connection:
            row = _known(connection, name)
            if row.password_hash is not None or row.subject is not None:
                raise RegistryError(f"the account {row.name} is somebody's already")
            return _set(connection, row, issuer=issuer, subject=subject)

    def check(self, name: str, password: str) -> Account | None:
        """The account if the password is its own and it may log in, else None.

        It takes the same time whoever exists. What was hashed with dated parameters is hashed anew.
        """
        with reading(self._engine) as connection:
            row = _row(connection, spelled(name))
        hashed = None if row is None or row.disabled_at is not None else row.password_hash
        if not self._passwords.holds(hashed, password) or row is None or hashed is None:
            return None
        if self._passwords.is_dated(hashed):
            renewed = self._passwords.hash(password)
            with self._changing() as connection:
                chosen = tables.account.c.id == row.id
                # Unless somebody has set another password meanwhile.
                same = chosen & (tables.account.c.password_hash == hashed)
                connection.execute(update(tables.account).where(same).values(password_hash=renewed))
        return account_of(row)

    def set_role(self, name: str, role: Role, site: str | None = None) -> Account:
        """Give an account another role; who is logged in has it from the next click on."""
        _require_site(role, site)
        with self._changing() as connection:
            row = _known(connection, name)
            if role != Role.ADMINISTRATOR:
                _require_other_administrator(connection, row)
            _require_known_site(connection, site)
            return _set(connection, row, role=role.value, site=site)

    def set_password(self, name: str, password: str) -> Account:
        """Give an account another password, and end its sessions."""
        account = self.account(name)
        require_good(password, account.name)
        hashed = self._passwords.hash(password)
        with self._changing() as connection:
            row = _known(connection, name)
            _end_sessions(connection, row)
            return _set(connection, row, password_hash=hashed)

    def disable(self, name: str) -> Account:
        """Let an account log in no longer, and end its sessions; it stays known."""
        with self._changing() as connection:
            row = _known(connection, name)
            _require_other_administrator(connection, row)
            _end_sessions(connection, row)
            return _set(connection, row, disabled_at=row.disabled_at or datetime.now(UTC))

    def enable(self, name: str) -> Account:
        """Let an account that was disabled log in again."""
        with self._changing() as connection:
            return _set(connection, _known(connection, name), disabled_at=None)

    def remove(self, name: str) -> Account:
        """Remove an account and its sessions; what it did stays in the access log."""
        with self._changing() as connection:
            row = _known(connection, name)
            _require_other_administrator(connection, row)
            _end_sessions(connection, row)
            connection.execute(tables.account.delete().where(tables.account.c.id == row.id))
            return account_of(row)

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        with writing(self._engine) as connection:
            yield connection


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


def _require_new(connection: Connection, name: str) -> None:
    if _row(connection, name) is not None:
        raise RegistryError(f"there is an account {name} already: choose another name")


def _require_site(role: Role, site: str | None) -> None:
    if site is not None and role != Role.SCHOOL:
        raise RegistryError(f"only the role school belongs to a site, not {role.value}")


def _require_known_site(connection: Connection, site: str | None) -> None:
    known = list(connection.scalars(select(tables.site.c.id).order_by(tables.site.c.id)))
    if site is not None and site not in known:
        raise RegistryError(
            f"there is no site {site[:80]!r}: known are {', '.join(known)[:200] or 'none'}"
        )


def _require_other_administrator(connection: Connection, row: Row[Any]) -> None:
    is_one = row.role == Role.ADMINISTRATOR and row.disabled_at is None
    if is_one and _administrators(connection) == 1:
        raise RegistryError(
            f"{row.name} is the only administrator: add another one first, or nobody could "
            "manage the accounts"
        )


def _administrators(connection: Connection) -> int:
    chosen = (tables.account.c.role == Role.ADMINISTRATOR.value) & (
        tables.account.c.disabled_at.is_(None)
    )
    return connection.scalar(select(func.count()).select_from(tables.account).where(chosen)) or 0


def _row(connection: Connection, name: str) -> Row[Any] | None:
    chosen = select(tables.account).where(tables.account.c.name == name)
    return connection.execute(chosen).one_or_none()


def _known(connection: Connection, name: str) -> Row[Any]:
    row = _row(connection, spelled(name))
    if row is None:
        raise RegistryError(
            f"there is no account {name[:80]!r}: skolro collector user list shows all"
        )
    return row


def _set(connection: Connection, row: Row[Any], **values: Any) -> Account:
    changed = update(tables.account).where(tables.account.c.id == row.id).values(**values)
    return account_of(connection.execute(changed.returning(*tables.account.c)).one())


def _end_sessions(connection: Connection, row: Row[Any]) -> None:
    of_it = tables.login_session.c.account == row.id
    connection.execute(tables.login_session.delete().where(of_it))
