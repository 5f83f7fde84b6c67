"""One-time secrets with which new nodes make their own keys known.

A node's card carries the secret, and the key is made on the node. The first key that is told with
the secret is the node's; a copy of the card comes too late, and is told so.
"""

from __future__ import annotations

import secrets
from base64 import b32encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy import Engine, select, update

from collector.database import tables
from collector.database.database import reading
from collector.registry.registry import NodeKey, Registry, insert_key
from sensor.contract.messages import EnrolmentResult

DAYS: Final = 30
"""How long a secret can be used, unless told otherwise."""

_SECRET_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A secret that was given out (only its hash is kept), and what became of it."""

    node: str
    opened_at: datetime
    expires_at: datetime
    used_at: datetime | None
    kid: str | None


class Enrolments:
    """The secrets in the database of `registry`."""

    def __init__(self, engine: Engine, registry: Registry) -> None:
        self._engine = engine
        self._registry = registry

    def open(self, node: str, days: float = DAYS, now: datetime | None = None) -> str:
        """Return a new secret for `node`; those that it was given before can be used no more.

        Raises
        ------
        RegistryError
            There is no such node.
        """
        self._registry.node(node)
        secret = b32encode(secrets.token_bytes(_SECRET_BYTES)).decode().rstrip("=")
        at = now or datetime.now(UTC)
        table = tables.enrolment
        with self._registry.changing() as (connection, _):
            unused = (table.c.node == node) & table.c.used_at.is_(None)
            connection.execute(table.delete().where(unused))
            row = {"opened_at": at, "expires_at": at + timedelta(days=days)}
            connection.execute(table.insert().values(node=node, secret_sha256=_hash(secret), **row))
        return secret

    def redeem(
        self, node: str, secret: str, public_key: str, now: datetime | None = None
    ) -> EnrolmentResult:
        """Give `node` the key it has made, if the secret is its own and was not used before.

        The same once more, as when an answer was lost, is accepted again.

        Raises
        ------
        ContractError
            It is no key.
        RegistryError
            Another node has that key.
        """
        at = now or datetime.now(UTC)
        table = tables.enrolment
        key = NodeKey.from_text(node, public_key, at)
        with self._registry.changing() as (connection, inventory):
            chosen = (table.c.node == node) & (table.c.secret_sha256 == _hash(secret))
            found = connection.execute(select(table).where(chosen)).mappings().one_or_none()
            if found is None:
                return "unknown"
            if found["used_at"] is not None:
                return "accepted" if found["kid"] == key.kid else "used"
            if at >= found["expires_at"]:
                return "expired"
            insert_key(connection, inventory, key)
            connection.execute(update(table).where(chosen).values(used_at=at, kid=key.kid))
            return "accepted"

    def of(self, node: str) -> list[Enrolment]:
        """What was given to `node`, in order of time."""
        table = tables.enrolment
        names = ("node", "opened_at", "expires_at", "used_at", "kid")
        query = select(*(table.c[name] for name in names)).where(table.c.node == node)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(table.c.opened_at)).all()
        return [Enrolment(*row) for row in rows]


def _hash(secret: str) -> str:
    # Secrets of 128 random bits need no slow hash: nobody can try them all.
    return sha256(secret.encode()).hexdigest()
