"""Accounts of those who may see more than everybody: who they are, and in which role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TypeAlias

from sqlalchemy import Connection, Engine, select, update

from collector.database import tables
from collector.database.database import reading, writing
from collector.errors import RegistryError
from collector.registry.account_rows import (
    Account,
    OnlyAdministratorError,
    account_of,
    administrators,
    end_sessions,
    known_row,
    plain_name,
    require_known_site,
    require_new,
    require_other_administrator,
    require_site,
    row_named,
    set_values,
    spelled,
    take_back_invitation,
)
from collector.registry.invitations import invite, invited_row, open_until
from collector.registry.passwords import Passwords, require_good
from collector.roles import Role

__all__ = [
    "Account", "Accounts", "Note", "OnlyAdministratorError", "Role", "account_of", "plain_name",
    "spelled",
]  # fmt: skip

Note: TypeAlias = Callable[[Connection, str], None]
"""Writes what is done to an account where it is kept who did it, within the same transaction.

It is told what was done, to whom, and what more there is to it, with spaces between: ``add``,
``role`` (both with the role and, for staff, the site), ``openid``, ``invite``, ``password``,
``disable``, ``enable`` or ``remove``.
"""


class Accounts:
    """The accounts in the database `engine`; safe for several threads and processes.

    All that changes something raises :class:`RegistryError` where it contradicts what is there,
    and :class:`LedgerError` where the database cannot be written. Whatever takes rights away ends
    the account's sessions at once.

    Parameters
    ----------
    note
        Told of every change; see :meth:`noted_by`.
    """

    def __init__(
        self, engine: Engine, passwords: Passwords | None = None, note: Note | None = None
    ) -> None:
        self._engine = engine
        self._passwords = passwords or Passwords()
        self._note = note

    def noted_by(self, note: Note) -> Accounts:
        """The same accounts, for somebody whose changes are noted so."""
        return Accounts(self._engine, self._passwords, note)

    def all(self) -> list[Account]:
        """All accounts by name."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(tables.account).order_by(tables.account.c.name))
            return [account_of(row) for row in rows]

    def account(self, name: str) -> Account:
        """The account of that name; :class:`RegistryError` where there is none."""
        with reading(self._engine) as connection:
            return account_of(known_row(connection, name))

    def named(self, name: str) -> Account | None:
        """The account of that name, if there is one."""
        with reading(self._engine) as connection:
            row = row_named(connection, spelled(name))
        return None if row is None else account_of(row)

    def numbered(self, number: int) -> Account | None:
        """The account of that number, if there is one."""
        with reading(self._engine) as connection:
            chosen = select(tables.account).where(tables.account.c.id == number)
            row = connection.execute(chosen).one_or_none()
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
            return administrators(connection) > 0

    def require_addable(self, name: str, role: Role, site: str | None = None) -> None:
        """Return if such an account can be added, before anybody is asked for a password."""
        known_as = plain_name(name)
        require_site(role, site)
        with reading(self._engine) as connection:
            require_new(connection, known_as)
            require_known_site(connection, site)

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
        """Add an account; one without password can come by invitation or OpenID Connect."""
        known_as = plain_name(name)
        require_site(role, site)
        hashed = None
        if password is not None:
            require_good(password, known_as)
            hashed = self._passwords.hash(password)
        with self._changing() as connection:
            require_new(connection, known_as)
            require_known_site(connection, site)
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
            self._tell(connection, "add", known_as, role.value, site)
            return account_of(row)

    def link(self, name: str, issuer: str, subject: str) -> Account:
        """Let somebody whom an OpenID provider names have an account that has no password."""
        with self._changing() as connection:
            row = known_row(connection, name)
            if row.password_hash is not None or row.subject is not None:
                raise RegistryError(f"the account {row.name} is somebody's already")
            take_back_invitation(connection, row)
            self._tell(connection, "openid", row.name)
            return set_values(connection, row, issuer=issuer, subject=subject)

    def invite(self, name: str) -> str:
        """Return what is secret in a link by which somebody chooses the account's password.

        It takes the place of an earlier link. A password that is there holds until another one is
        chosen.
        """
        with self._changing() as connection:
            row = known_row(connection, name)
            if row.disabled_at is not None:
                raise RegistryError(f"the account {row.name} is disabled: enable it first")
            if row.subject is not None:
                raise RegistryError(f"{row.name} comes by OpenID Connect, without a password")
            self._tell(connection, "invite", row.name)
            return invite(connection, row)

    def invited(self, secret: str) -> Account | None:
        """Whose password a link lets choose; None: it opens nothing, or no longer."""
        with reading(self._engine) as connection:
            row = invited_row(connection, secret)
        return None if row is None else account_of(row)

    def invitations(self) -> dict[int, datetime]:
        """Until when links that were not used yet open accounts, by the account's number."""
        with reading(self._engine) as connection:
            return open_until(connection)

    def accept(self, secret: str, password: str) -> Account:
        """Choose the password by a link, which opens nothing afterwards, and end all sessions."""
        account = self.invited(secret)
        if account is None:
            raise RegistryError("the link opens nothing any more: an administrator makes a new one")
        require_good(password, account.name)
        hashed = self._passwords.hash(password)
        with self._changing() as connection:
            row = invited_row(connection, secret)
            if row is None:
                raise RegistryError(f"the link of {account.name} was used meanwhile")
            return self._have_password(connection, row.name, hashed)

    def check(self, name: str, password: str) -> Account | None:
        """The account if the password is its own and it may log in, else None.

        It takes the same time whoever exists. What was hashed with dated parameters is hashed anew.
        """
        with reading(self._engine) as connection:
            row = row_named(connection, spelled(name))
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
        require_site(role, site)
        with self._changing() as connection:
            row = known_row(connection, name)
            if role != Role.ADMINISTRATOR:
                require_other_administrator(connection, row)
            require_known_site(connection, site)
            self._tell(connection, "role", row.name, role.value, site)
            return set_values(connection, row, role=role.value, site=site)

    def set_password(self, name: str, password: str) -> Account:
        """Give an account another password, and end its sessions."""
        account = self.account(name)
        require_good(password, account.name)
        hashed = self._passwords.hash(password)
        with self._changing() as connection:
            return self._have_password(connection, name, hashed)

    def _have_password(self, connection: Connection, name: str, hashed: str) -> Account:
        row = known_row(connection, name)
        take_back_invitation(connection, row)
        end_sessions(connection, row)
        self._tell(connection, "password", row.name)
        return set_values(connection, row, password_hash=hashed)

    def disable(self, name: str) -> Account:
        """Let an account log in no longer, and end its sessions; it stays known."""
        with self._changing() as connection:
            row = known_row(connection, name)
            require_other_administrator(connection, row)
            take_back_invitation(connection, row)
            end_sessions(connection, row)
            self._tell(connection, "disable", row.name)
            return set_values(connection, row, disabled_at=row.disabled_at or datetime.now(UTC))

    def enable(self, name: str) -> Account:
        """Let an account that was disabled log in again."""
        with self._changing() as connection:
            row = known_row(connection, name)
            self._tell(connection, "enable", row.name)
            return set_values(connection, row, disabled_at=None)

    def remove(self, name: str) -> Account:
        """Remove an account and its sessions; what it did stays in the access log."""
        with self._changing() as connection:
            row = known_row(connection, name)
            require_other_administrator(connection, row)
            take_back_invitation(connection, row)
            end_sessions(connection, row)
            self._tell(connection, "remove", row.name)
            connection.execute(tables.account.delete().where(tables.account.c.id == row.id))
            return account_of(row)

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        with writing(self._engine) as connection:
            yield connection

    def _tell(self, connection: Connection, *said: str | None) -> None:
        if self._note is not None:
            self._note(connection, " ".join(part for part in said if part is not None))
