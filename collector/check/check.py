"""Verify the whole ledger: every message, every chain, and what lists show of them.

Nothing is changed: the projections are made a second time in a temporary database and compared.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from sqlalchemy import Connection, Row, create_engine, func, select

from collector.check.chain import ChainCheck, check_chain
from collector.check.messages import examined, prunings
from collector.check.projections import differences, site_differences
from collector.database.tables import (
    METADATA,
    NODE_PROJECTIONS,
    PROJECTIONS,
    level_hour_pruned,
    message,
    node_anomaly,
    node_hour_pruned,
    quarantine,
    site_day_pruned,
)
from collector.ledger.chain import Stored
from collector.ledger.projections import begin_again, project_rows
from collector.ledger.rollups import refill
from collector.registry.inventory import Inventory
from sensor.contract.topics import parse

_PAGE: Final = 500
_MOST_TOLD: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCheck:
    """What was found of one node.

    Attributes
    ----------
    chain : ChainCheck
        How many messages there are, which are missing, and where they do not fit together.
    faulty : int
        Messages that are not what their node signed, or that it had no right to sign.
    faults : tuple of str
        The first of them, in words.
    differences : tuple of str
        Where lists show something else than a rebuild would make of the messages.
    forks : int
        Messages in quarantine that contradict one in the ledger under the same number.
    replays : int
        How often a message came again that was there; harmless.
    """

    node: str
    chain: ChainCheck
    faulty: int
    faults: tuple[str, ...]
    differences: tuple[str, ...]
    forks: int
    replays: int

    @property
    def holds(self) -> bool:
        """Whether all is as it must be."""
        return not (self.faulty or self.differences or self.forks) and self.chain.holds


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerCheck:
    """What was found of the ledger.

    Attributes
    ----------
    differences : tuple of str
        Where lists by site show something else than a rebuild would make of the messages.
    missing_positions : int
        Places between the first and the last message where there is none: something was removed.
    damage : tuple of str
        What SQLite says of the database file.
    """

    nodes: tuple[NodeCheck, ...]
    messages: int
    differences: tuple[str, ...]
    missing_positions: int
    damage: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether all is as it must be."""
        whole = not (self.missing_positions or self.damage or self.differences)
        return whole and all(node.holds for node in self.nodes)


def check(
    connection: Connection,
    inventory: Inventory,
    progress: Callable[[int, int], None] | None = None,
) -> LedgerCheck:
    """Verify what `connection`, a snapshot, sees; see :meth:`.Ledger.check`."""
    last = connection.scalar(select(func.max(message.c.position))) or 0
    with _scratch(connection) as scratch:
        checking = _Checking(connection, scratch, inventory)
        for page in _pages(connection):
            checking.examine(page)
            if progress:
                progress(page[-1].position, last)
        nodes = tuple(checking.node(node) for node in _nodes(connection))
        refill(scratch)
        by_site = tuple(site_differences(connection, scratch))
    return LedgerCheck(
        nodes=nodes,
        messages=checking.messages,
        differences=by_site,
        missing_positions=last - checking.messages,
        damage=_damage(connection),
    )


class _Checking:
    """What is found, message by message and then node by node."""

    def __init__(self, connection: Connection, scratch: Connection, inventory: Inventory) -> None:
        self._connection = connection
        self._scratch = scratch
        self._inventory = inventory
        self._prunings = prunings(connection)
        self._faulty: Counter[str] = Counter()
        self._faults: defaultdict[str, list[str]] = defaultdict(list)
        self._forks = _forks(connection)
        rows = connection.execute(select(node_anomaly.c.node, node_anomaly.c.replays))
        self._replays = {row.node: row.replays for row in rows}
        self.messages = 0

    def examine(self, page: Sequence[Row[Any]]) -> None:
        """Verify messages, and project what can be read of them."""
        readable: list[Stored] = []
        for row in page:
            stored, faults = examined(row, self._inventory, self._prunings)
            if faults:
                self._note(row.node, row.seq, faults)
            if stored is not None:
                readable.append(stored)
        if readable:
            project_rows(self._scratch, readable, self._inventory)
        self.messages += len(page)

    def node(self, node: str) -> NodeCheck:
        """Verify a node's chain and what lists show of it."""
        chain, state = check_chain(self._connection, node)
        return NodeCheck(
            node=node,
            chain=chain,
            faulty=self._faulty[node],
            faults=tuple(self._faults[node]),
            differences=tuple(differences(self._connection, self._scratch, node, state)),
            forks=self._forks[node],
            replays=self._replays.get(node, 0),
        )

    def _note(self, node: str, seq: int, faults: Sequence[str]) -> None:
        self._faulty[node] += 1
        if len(self._faults[node]) < _MOST_TOLD:
            self._faults[node].append(f"message {seq}: {'; '.join(faults)}")


@contextmanager
def _scratch(connection: Connection) -> Iterator[Connection]:
    """A temporary database with empty projections, but for what was pruned."""
    with TemporaryDirectory(prefix="skolro-check-") as folder:
        engine = create_engine(f"sqlite:///{Path(folder) / 'projections.sqlite'}")
        try:
            with engine.connect() as scratch:
                kept = (level_hour_pruned, node_hour_pruned, site_day_pruned)
                METADATA.create_all(scratch, tables=[*PROJECTIONS, *kept])
                for table in kept:
                    pruned = connection.execute(select(table)).mappings().all()
                    if pruned:
                        scratch.execute(table.insert(), [dict(row) for row in pruned])
                begin_again(scratch)
                yield scratch
        finally:
            engine.dispose()


def _pages(connection: Connection) -> Iterator[Sequence[Row[Any]]]:
    query = select(message).order_by(message.c.position).limit(_PAGE)
    position = 0
    while page := connection.execute(query.where(message.c.position > position)).all():
        yield page
        position = page[-1].position


def _nodes(connection: Connection) -> list[str]:
    """All nodes that the messages or their projections name."""
    tables = (message, *NODE_PROJECTIONS)
    return sorted(
        {node for t in tables for node in connection.scalars(select(t.c.node).distinct())}
    )


def _forks(connection: Connection) -> Counter[str]:
    topics = connection.scalars(select(quarantine.c.topic).where(quarantine.c.reason == "fork"))
    return Counter(parse(topic).node for topic in topics)


def _damage(connection: Connection) -> tuple[str, ...]:
    if connection.dialect.name != "sqlite":
        return ()
    told = connection.exec_driver_sql(f"PRAGMA integrity_check({_MOST_TOLD})").scalars()
    return tuple(line for line in told if line != "ok")
