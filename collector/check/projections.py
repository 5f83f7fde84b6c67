"""Do lists show what a rebuild would make of the messages?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from math import isclose
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, Connection, RowMapping, Table, select

from collector.database.tables import (
    absence,
    episode,
    event,
    level_hour,
    message_count,
    node_hour,
    node_state,
    site_day,
)
from collector.ledger.chain import ChainState

_Row: TypeAlias = RowMapping

_NAMES: Final = {
    message_count: "numbers of messages",
    event: "events",
    level_hour: "hours of levels",
    node_hour: "hours of nodes",
    absence: "stretches of absent messages",
}
_NAMES_BY_SITE: Final = {episode: "episodes", site_day: "days of hours"}
# Sums of the same terms in another order differ in their last digits.
_TOLERANCE: Final = 1e-9


def differences(
    connection: Connection, scratch: Connection, node: str, state: ChainState
) -> Iterator[str]:
    """Yield, in words, where the projections of a node are not those in `scratch`, or `state`."""
    query = select(node_state).where(node_state.c.node == node)
    listed = connection.execute(query).mappings().one_or_none()
    made = asdict(state) if state.highest_seq else None
    if (listed is None) != (made is None):
        yield "its state is listed" if listed else "its state is not listed"
    elif listed is not None and made is not None and dict(listed) != made:
        names = [name for name, value in made.items() if listed[name] != value]
        yield f"its listed state differs in {', '.join(names)}"
    for table, name in _NAMES.items():
        yield from _compared(connection, scratch, table, name, table.c.node == node)


def site_differences(connection: Connection, scratch: Connection) -> Iterator[str]:
    """Yield, in words, where the projections by site are not those in `scratch`."""
    for table, name in _NAMES_BY_SITE.items():
        sites = select(table.c.site).distinct()
        there = {*connection.scalars(sites), *scratch.scalars(sites)}
        for site in sorted(there):
            for text in _compared(connection, scratch, table, name, table.c.site == site):
                yield f"{site}: {text}"


def _compared(
    connection: Connection, scratch: Connection, table: Table, name: str, of: ColumnElement[bool]
) -> Iterator[str]:
    there, expected = _rows(connection, table, of), _rows(scratch, table, of)
    keys = there.keys() | expected.keys()
    count = sum(not _same(there.get(key), expected.get(key)) for key in keys)
    if count:
        yield f"{name}: {count} listed otherwise than the messages say"


def _rows(
    connection: Connection, table: Table, of: ColumnElement[bool]
) -> dict[tuple[Any, ...], _Row]:
    rows = connection.execute(select(table).where(of)).mappings()
    names = [column.name for column in table.primary_key]
    return {tuple(row[name] for name in names): row for row in rows}


def _same(one: _Row | None, other: _Row | None) -> bool:
    if one is None or other is None:
        return one is other
    return all(_equal(value, other[name]) for name, value in one.items())


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return isclose(one, other, rel_tol=_TOLERANCE)
    return bool(one == other)
