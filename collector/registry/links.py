"""Secret addresses: feeds and forms for whoever knows them, without a login.

The secret is shown once, when the link is made; the database keeps its hash. A link serves one
purpose, and can be revoked.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import Engine, or_, select, update

from collector.database import tables
from collector.database.database import reading, writing
from collector.errors import RegistryError

Purpose: TypeAlias = Literal["patrols.ics", "patrols.csv", "ngsi-ld", "disturbance"]

LINK_PATTERN: Final = r"^[A-Za-z0-9_-]{32}$"

_SECRET_BYTES: Final = 24
_USED: Final = timedelta(minutes=10)
_MOST_NOTE: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A secret address, without its secret.

    Attributes
    ----------
    site : str, optional
        The only site that it is for.
    note : str
        Who has it.
    used_at : datetime, optional
        When it was last used, to ten minutes.
    """

    id: int
    purpose: Purpose
    site: str | None
    note: str
    made_at: datetime
    used_at: datetime | None = None
    revoked_at: datetime | None = None


class Links:
    """The links in the database `engine`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, purpose: Purpose, note: str, site: str | None = None) -> tuple[Link, str]:
        """Make a link, and return it with its secret, which nobody can tell again.

        Raises
        ------
        RegistryError
            The note does not say who has it.
        """
        if not note.strip() or len(note) > _MOST_NOTE:
            raise RegistryError(f"say in the note who gets the link, in 1 to {_MOST_NOTE} letters")
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        added = tables.secret_link.insert().values(
            purpose=purpose,
            site=site,
            note=note.strip(),
            made_at=datetime.now(UTC),
            secret_sha256=_hash(secret),
        )
        with writing(self._engine) as connection:
            row = connection.execute(added.returning(tables.secret_link)).mappings().one()
        return _link(dict(row)), secret

    def find(self, secret: str, purpose: Purpose) -> Link | None:
        """The link that a secret opens for a purpose; None: it opens nothing, or no longer."""
        columns = tables.secret_link.c
        query = select(tables.secret_link).where(
            columns.secret_sha256 == _hash(secret),
            columns.purpose == purpose,
            columns.revoked_at.is_(None),
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            return None
        link = _link(dict(row))
        self._note_used(link)
        return link

    def all(self, *purposes: Purpose) -> list[Link]:
        """All links for these purposes, revoked ones too, oldest first."""
        columns = tables.secret_link.c
        query = select(tables.secret_link).where(columns.purpose.in_(purposes))
        with reading(self._engine) as connection:
            return [
                _link(dict(row))
                for row in connection.execute(query.order_by(columns.id)).mappings()
            ]

    def revoke(self, number: int, *purposes: Purpose) -> Link:
        """Let a link open nothing from now on.

        Raises
        ------
        RegistryError
            There is no such link, or it was revoked before.
        """
        columns = tables.secret_link.c
        open_one = (
            columns.id == number,
            columns.purpose.in_(purposes),
            columns.revoked_at.is_(None),
        )
        with writing(self._engine) as connection:
            ended = update(tables.secret_link).where(*open_one).values(revoked_at=datetime.now(UTC))
            row = connection.execute(ended.returning(tables.secret_link)).mappings().one_or_none()
        if row is None:
            raise RegistryError(f"there is no link {number} that could be revoked: see the list")
        return _link(dict(row))

    def _note_used(self, link: Link) -> None:
        now = datetime.now(UTC)
        # Calendars ask all day long: what is written is not when, but that it is still in use.
        if link.used_at is not None and now - link.used_at < _USED:
            return
        columns = tables.secret_link.c
        stale = or_(columns.used_at.is_(None), columns.used_at < now - _USED)
        with writing(self._engine) as connection:
            chosen = update(tables.secret_link).where(columns.id == link.id, stale)
            connection.execute(chosen.values(used_at=now))


def _hash(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def _link(row: Mapping[str, Any]) -> Link:
    return Link(**{name: value for name, value in row.items() if name != "secret_sha256"})
