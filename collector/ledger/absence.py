"""Numbers that nobody waits for any more, and how they are told from those that are missing.

There are two sorts. A node says itself what it no longer has, in an ``absence`` message of its
chain: thinned to minute values, with the hash of each message so that the chain can be followed
over them, or lost. And somebody accepts here that a gap will stay, which is recorded for good in
the table ``gap_accepted``. What comes in after all is stored as always, but for what was thinned:
that counts twice if it is there beside its minute values, so it is known already.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, func, select

from collector.analysis.stretches import Stretch, Stretches
from collector.database.tables import absence, gap_accepted, message
from sensor.contract.messages import Absence

_ROWS_A_LOOK: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedGap:
    """A gap that somebody here has accepted, with why and when."""

    id: int
    node: str
    first_seq: int
    last_seq: int
    reason: str
    accepted_at: datetime


def rows_of(position: int, told: Absence) -> list[dict[str, Any]]:
    """Return the rows of the table ``absence`` that a message makes."""
    return [
        {
            "position": position,
            "first_seq": part.first,
            "last_seq": part.last,
            "node": told.node,
            "reason": told.reason,
            "hashes": None if part.sha256 is None else list(part.sha256),
        }
        for part in told.absent
    ]


def known_hashes(connection: Connection, node: str, seqs: Sequence[int]) -> dict[int, str]:
    """Return the hashes of those of `seqs`, in order, that were told to be gone."""
    if not seqs:
        return {}
    columns = absence.c
    rows = connection.execute(
        select(columns.first_seq, columns.hashes).where(
            columns.node == node, columns.last_seq >= seqs[0], columns.first_seq <= seqs[-1]
        )
    )
    told = {
        seq: sha256
        for row in rows
        for seq, sha256 in enumerate(row.hashes or (), start=row.first_seq)
    }
    return {seq: told[seq] for seq in seqs if seq in told}


def unawaited(connection: Connection, node: str, after: int = 0) -> list[Stretch]:
    """Return the stretches that end over `after` and that nobody waits for, for either reason."""
    return [
        (row.first_seq, row.last_seq)
        for table in (absence, gap_accepted)
        for row in connection.execute(
            select(table.c.first_seq, table.c.last_seq).where(
                table.c.node == node, table.c.last_seq > after
            )
        )
    ]


def gaps(
    connection: Connection, node: str, acked_seq: int, highest_seq: int, most: int | None = None
) -> list[Stretch]:
    """Return the stretches over `acked_seq` that are waited for, the first `most` of them.

    With `most`, it also looks only so far that a node that sends for hours costs little.
    """
    if acked_seq >= highest_seq:
        return []
    known = Stretches(unawaited(connection, node, acked_seq))
    query = select(message.c.seq).where(message.c.node == node, message.c.seq > acked_seq)
    query = query.order_by(message.c.seq)
    if most is not None:
        query = query.limit(_ROWS_A_LOOK)
    found: list[Stretch] = []
    before = acked_seq
    with connection.execute(query.execution_options(yield_per=1000)) as rows:
        for (seq,) in rows:
            if seq > before + 1:
                found += known.without(before + 1, seq - 1)
            before = seq
            if most is not None and len(found) >= most:
                break
    return found[:most]


def count_missing(connection: Connection, node: str, acked_seq: int, highest_seq: int) -> int:
    """Return how many numbers over `acked_seq` are waited for."""
    all_of_them = (acked_seq + 1, highest_seq)
    known = [
        (max(first, acked_seq + 1), last)
        for first, last in Stretches(unawaited(connection, node, acked_seq))
    ]
    explained = sum(last - first + 1 for first, last in known) - _present(connection, node, known)
    there = _present(connection, node, [all_of_them])
    return highest_seq - acked_seq - there - explained


def unawaited_nodes(connection: Connection) -> set[str]:
    """Return the nodes that have numbers that nobody waits for."""
    tables = (absence, gap_accepted)
    return {node for t in tables for node in connection.scalars(select(t.c.node).distinct())}


class Unawaited(NamedTuple):
    """How many numbers are not there, by why nobody waits for them; each counts once."""

    thinned: int = 0
    lost: int = 0
    accepted: int = 0


def counted(connection: Connection, node: str) -> Unawaited:
    """Return how many of a node's numbers nobody waits for."""
    taken: list[Stretch] = []
    counts: dict[str, int] = {}
    for reason, stretches in _by_reason(connection, node).items():
        ours = [part for one in Stretches(stretches) for part in Stretches(taken).without(*one)]
        counts[reason] = sum(last - first + 1 for first, last in ours) - _present(
            connection, node, ours
        )
        taken += ours
    return Unawaited(**counts)


def _by_reason(connection: Connection, node: str) -> dict[str, list[Stretch]]:
    found: dict[str, list[Stretch]] = {"thinned": [], "lost": [], "accepted": []}
    columns = absence.c
    rows = connection.execute(
        select(columns.first_seq, columns.last_seq, columns.reason).where(columns.node == node)
    )
    for row in rows:
        found[row.reason].append((row.first_seq, row.last_seq))
    found["accepted"] = [(gap.first_seq, gap.last_seq) for gap in accepted_gaps(connection, node)]
    return found


def _present(connection: Connection, node: str, stretches: Collection[Stretch]) -> int:
    query = select(func.count()).select_from(message).where(message.c.node == node)
    return sum(
        connection.scalar(query.where(message.c.seq.between(first, last))) or 0
        for first, last in stretches
    )


def accepted_gaps(connection: Connection, node: str | None = None) -> list[AcceptedGap]:
    """Return the gaps that were accepted, in the order in which they were."""
    query = select(gap_accepted).order_by(gap_accepted.c.id)
    if node is not None:
        query = query.where(gap_accepted.c.node == node)
    return [AcceptedGap(**row) for row in connection.execute(query).mappings()]


def note_accepted(
    connection: Connection, node: str, stretch: Stretch, reason: str, at: datetime
) -> None:
    """Record that nobody waits for a stretch any more."""
    first, last = stretch
    row = {"node": node, "first_seq": first, "last_seq": last, "reason": reason, "accepted_at": at}
    connection.execute(gap_accepted.insert().values(row))
