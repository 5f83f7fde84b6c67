"""Every projection, remade from the messages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from sqlalchemy import Connection, Row, select

from collector.analysis.stretches import hashes_in
from collector.database.tables import message
from collector.errors import LedgerError
from collector.ledger.appending import next_position
from collector.ledger.chain import Chains, Link, Stored
from collector.ledger.projections import begin_again, project_rows
from collector.ledger.rollups import refill
from collector.registry.inventory import Inventory
from sensor.contract.codec import decode
from sensor.contract.errors import ContractError
from sensor.contract.messages import Absence


def rebuild(
    connection: Connection,
    inventory: Inventory,
    progress: Callable[[int, int], None] | None,
    page_size: int,
) -> None:
    """Remake them in the transaction of `connection`; see :meth:`.Ledger.rebuild`.

    Raises
    ------
    LedgerError
        A message cannot be read; everything stays as it was.
    """
    total = next_position(connection) - 1
    begin_again(connection)
    position = 0
    while page := _after(connection, position, page_size):
        _carry_on(connection, page, inventory)
        position = page[-1].position
        if progress:
            progress(position, total)
    refill(connection)


def _carry_on(connection: Connection, page: list[Stored], inventory: Inventory) -> None:
    seqs: defaultdict[str, set[int]] = defaultdict(set)
    for stored in page:
        seqs[stored.node].add(stored.seq)
        if isinstance(stored.message, Absence):
            seqs[stored.node].update(hashes_in(stored.message))
    chains = Chains(connection, seqs, before=page[0].position)
    for stored in page:
        chains.add(stored.node, stored.seq, Link(stored.sha256, stored.prev))
    for stored in page:
        if isinstance(stored.message, Absence):
            chains.add_absence(stored.message)
    chains.advance(page)
    project_rows(connection, page, inventory)


def _after(connection: Connection, position: int, limit: int) -> list[Stored]:
    query = select(message).where(message.c.position > position).order_by(message.c.position)
    return [_stored(row) for row in connection.execute(query.limit(limit))]


def _stored(row: Row[tuple[object, ...]]) -> Stored:
    try:
        content = decode(row.payload) if row.payload else None
    except ContractError as error:
        raise LedgerError(
            f"message {row.seq} of {row.node} cannot be read, so nothing was remade: "
            "skolro collector check tells what is wrong"
        ) from error
    return Stored(
        position=row.position,
        node=row.node,
        seq=row.seq,
        prev=row.prev,
        sha256=row.sha256,
        kind=row.kind,
        time=row.time,
        received_at=row.received_at,
        message=content,
    )
