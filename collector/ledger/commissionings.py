"""Records of how nodes were commissioned, as the ledger has them."""

from __future__ import annotations

from sqlalchemy import Engine, func, select

from collector.database.database import reading
from collector.database.tables import message
from sensor.contract.codec import decode
from sensor.contract.messages import Commissioning


def commissionings(engine: Engine, node: str) -> list[Commissioning]:
    """All of a node, newest first, but for those whose content retention has removed.

    They are read from the messages themselves: there is an index for it, and few of them.
    """
    c = message.c
    query = (
        select(c.payload)
        .where(c.node == node, c.kind == "commissioning", func.length(c.payload) > 0)
        .order_by(c.seq.desc())
    )
    with reading(engine) as connection:
        found = [decode(bytes(payload)) for payload in connection.scalars(query)]
    return [one for one in found if isinstance(one, Commissioning)]
