"""Retention: what is older than it may be kept loses its content, not its place in the chain.

Number, hashes, signature and times stay, so the chain still verifies, and whoever kept a copy of
a message can still prove that it is the one. Events leave their list; hours of levels and how
many events there were in each stay, as they tell of no single moment.

Some messages stay whatever their age: each node's newest one and newest ``health``, which tell
where the node stands, and what an output has not got yet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Engine,
    and_,
    func,
    select,
    union_all,
    update,
)

from collector.database.database import explained, reading, writing
from collector.database.tables import (
    event,
    level_hour_pruned,
    message,
    node_hour_pruned,
    node_state,
    output_cursor,
    pruning,
)
from collector.ledger import rollups
from collector.ledger.node_hours import project_hours
from collector.ledger.projections import project_levels
from collector.registry.inventory import Inventory
from sensor.contract.codec import decode

_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Pruning:
    """What is to be pruned.

    Attributes
    ----------
    received_before : datetime
        By the server's clock, since a node's may be wrong.
    outputs : frozenset of str
        Outputs that must have got a message before it is emptied.
    """

    kind: str
    received_before: datetime
    outputs: frozenset[str] = frozenset()


def prunable(connection: Connection, wanted: Pruning) -> int:
    """Return how many messages there are to empty."""
    query = select(func.count()).select_from(message)
    return connection.scalar(query.where(*_chosen(connection, wanted))) or 0


def prune(
    engine: Engine,
    inventory: Inventory,
    wanted: Pruning,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Empty the messages that `wanted` tells of, page by page, and return how many.

    The collector can store in between. What was done before an error stays done, and recorded.
    """
    with reading(engine) as connection:
        anything = prunable(connection, wanted) > 0
    total = position = 0
    record: int | None = None
    while anything:
        with writing(engine) as connection:
            record = _begin(connection, wanted, record)
            positions = _empty_page(connection, inventory, wanted, position)
            done = {"at_work": False, "count": pruning.c["count"] + len(positions)}
            connection.execute(update(pruning).where(pruning.c.id == record).values(done))
        total += len(positions)
        position = max(positions, default=position)
        anything = len(positions) == _PAGE
        if progress:
            progress(len(positions))
    if total:
        _forget(engine)
    return total


def _begin(connection: Connection, wanted: Pruning, record: int | None) -> int:
    if connection.dialect.name == "sqlite":
        # What is removed is overwritten, too, rather than left in the file.
        connection.exec_driver_sql("PRAGMA secure_delete = ON")
    if record is not None:
        connection.execute(update(pruning).where(pruning.c.id == record).values(at_work=True))
        return record
    row = {
        "kind": wanted.kind,
        "received_before": wanted.received_before,
        "begun_at": datetime.now(UTC),
        "count": 0,
        "at_work": True,
    }
    made = connection.execute(pruning.insert().values(row).returning(pruning.c.id))
    return int(made.scalar_one())


def _empty_page(
    connection: Connection, inventory: Inventory, wanted: Pruning, position: int
) -> list[int]:
    columns = (message.c.position, message.c.payload, message.c.received_at)
    query = select(*columns).where(*_chosen(connection, wanted))
    query = query.where(message.c.position > position).order_by(message.c.position).limit(_PAGE)
    rows = connection.execute(query).all()
    positions = [row.position for row in rows]
    if wanted.kind in {"levels", "health"}:
        told = [(decode(row.payload), row.received_at) for row in rows]
        project_levels(connection, (one for one, _ in told), inventory, level_hour_pruned)
        project_hours(connection, told, node_hour_pruned)
    if wanted.kind == "event":
        _remove_events(connection, positions)
    chosen = message.c.position.in_(positions)
    connection.execute(update(message).where(chosen).values(payload=b""))
    return positions


def _remove_events(connection: Connection, positions: Sequence[int]) -> None:
    """Take them off their list; the counts of their hours keep them, the episodes do not."""
    rollups.keep_counts(connection, positions)
    connection.execute(event.delete().where(event.c.position.in_(positions)))


def _chosen(connection: Connection, wanted: Pruning) -> Sequence[ColumnElement[bool]]:
    return (
        message.c.kind == wanted.kind,
        message.c.received_at < wanted.received_before,
        func.length(message.c.payload) > 0,
        message.c.position <= _got_by_all(connection, wanted.outputs),
        message.c.position.not_in(_last_words()),
    )


def _got_by_all(connection: Connection, outputs: frozenset[str]) -> int:
    if not outputs:
        return connection.scalar(select(func.max(message.c.position))) or 0
    query = select(output_cursor.c.position).where(output_cursor.c.output.in_(outputs))
    positions = list(connection.scalars(query))
    return min(positions) if len(positions) == len(outputs) else 0


def _last_words() -> CompoundSelect[tuple[int]]:
    last = message.alias("last")
    return union_all(
        *(
            select(last.c.position).join(
                node_state, and_(last.c.node == node_state.c.node, last.c.seq == seq)
            )
            for seq in (node_state.c.highest_seq, node_state.c.health_seq)
        )
    )


def _forget(engine: Engine) -> None:
    """Take what was removed out of SQLite's write-ahead log as well, if nobody reads it now."""
    if engine.dialect.name == "sqlite":
        with explained(engine), closing(engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
