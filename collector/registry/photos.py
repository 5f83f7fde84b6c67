"""Photographs of nodes as they hang, for those who look after them; in no summary, never public."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Engine, func, select

from collector.database import tables
from collector.database.database import reading, writing
from collector.errors import RegistryError

MOST_PHOTOS: Final = 12
"""Of one node; whoever adds one more removes one first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """A photograph, without its content; `sha256` is of that."""

    id: int
    node: str
    added_at: datetime
    added_by: str
    width: int
    height: int
    sha256: str


class Photos:
    """The photographs in the database `engine`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, node: str, jpeg: bytes, size: tuple[int, int], added_by: str) -> int:
        """Keep a photograph, and return its number.

        Raises
        ------
        RegistryError
            There is no such node, or it has :data:`MOST_PHOTOS` already.
        """
        table = tables.node_photo
        with writing(self._engine) as connection:
            known = select(tables.node.c.id).where(tables.node.c.id == node)
            if connection.scalar(known) is None:
                raise RegistryError(f"there is no node {node[:80]!r}")
            count = select(func.count()).select_from(table).where(table.c.node == node)
            if (connection.scalar(count) or 0) >= MOST_PHOTOS:
                raise RegistryError(
                    f"node {node} has {MOST_PHOTOS} photographs already: remove one first"
                )
            row = {
                "node": node,
                "added_at": datetime.now(UTC),
                "added_by": added_by,
                "width": size[0],
                "height": size[1],
                "sha256": hashlib.sha256(jpeg).hexdigest(),
                "jpeg": jpeg,
            }
            made = connection.execute(table.insert().values(row).returning(table.c.id))
            return int(made.scalar_one())

    def of(self, node: str) -> list[Photo]:
        """Those of a node, newest first."""
        columns = [column for column in tables.node_photo.c if column.name != "jpeg"]
        query = select(*columns).where(tables.node_photo.c.node == node)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(tables.node_photo.c.id.desc())).mappings()
            return [Photo(**row) for row in rows]

    def content(self, node: str, number: int) -> bytes | None:
        """The JPEG of one of a node's photographs; None: there is none of that number."""
        query = select(tables.node_photo.c.jpeg).where(*_chosen(node, number))
        with reading(self._engine) as connection:
            found: bytes | None = connection.scalar(query)
            return found

    def remove(self, node: str, number: int) -> bool:
        """Remove one; whether it was there."""
        with writing(self._engine) as connection:
            gone = connection.execute(tables.node_photo.delete().where(*_chosen(node, number)))
            return bool(gone.rowcount)

    def prune(self, before: datetime, *, dry_run: bool = False) -> int:
        """Remove those that were added before, and return how many."""
        old: Any = tables.node_photo.c.added_at < before
        with writing(self._engine) as connection:
            if dry_run:
                count = select(func.count()).select_from(tables.node_photo).where(old)
                return connection.scalar(count) or 0
            return connection.execute(tables.node_photo.delete().where(old)).rowcount


def _chosen(node: str, number: int) -> tuple[ColumnElement[bool], ...]:
    return (tables.node_photo.c.node == node, tables.node_photo.c.id == number)
