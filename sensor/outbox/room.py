"""Room in the outbox: what goes when there is too much, and what never does.

First goes what the collector has acknowledged, oldest first. Then the oldest levels that wait are
thinned to minute values; what is taken out is told, number by number with its hash, in a message
of the chain. Events, health and calibrations that wait never go.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sensor.contract.codec import decode
from sensor.contract.messages import Absence, LevelBatch, Message, draft
from sensor.contract.signature import payload_hash
from sensor.outbox.thinning import absent, thinned

AT_ONCE: Final = 60
"""Messages that are thinned together: an hour by default."""

_FEW_PAGES: Final = 64
"""An hour of levels; to thin them takes fewer."""

WORTH_IT: Final = 10
"""Fewer give too little room for the messages that take their place."""


@dataclass(frozen=True, slots=True)
class _Taken:
    seq: int
    payload: bytes
    batch: LevelBatch


def bytes_over(database: sqlite3.Connection, max_bytes: int) -> int:
    """By how much there is too much; zero or less: there is not."""
    (excess,) = database.execute("SELECT bytes - ? FROM stock", (max_bytes,)).fetchone()
    return int(excess)


def is_short_of_pages(database: sqlite3.Connection) -> bool:
    """Whether the file has so few pages left within that it would soon have to grow."""
    (free,) = database.execute("PRAGMA freelist_count").fetchone()
    return int(free) < _FEW_PAGES


def outdated(database: sqlite3.Connection, before: float, max_bytes: int) -> int:
    """Up to which number what was acknowledged need not be kept any longer.

    Parameters
    ----------
    before : float
        What was acknowledged at that time or earlier need not.
    """
    (by_time,) = database.execute(
        "SELECT coalesce(max(seq), 0) FROM ack WHERE at <= ?", (before,)
    ).fetchone()
    excess = bytes_over(database, max_bytes)
    if excess <= 0:
        return int(by_time)
    sizes = database.execute(
        "SELECT seq, length(payload) + length(signature) FROM message "
        "WHERE seq <= (SELECT held_seq FROM stock) ORDER BY seq"
    )
    by_size = 0
    for seq, size in sizes:
        if excess <= 0:
            break
        by_size, excess = seq, excess - size
    sizes.close()
    return max(int(by_time), by_size)


def forget(database: sqlite3.Connection, seq: int) -> int:
    """Let go of what was acknowledged up to `seq`; return how many messages it was."""
    database.execute("DELETE FROM ack WHERE seq <= ?", (seq,))
    database.execute("DELETE FROM absent WHERE told_by <= ?", (seq,))
    return database.execute("DELETE FROM message WHERE seq <= ?", (seq,)).rowcount


def forget_acknowledged(database: sqlite3.Connection) -> int:
    """Let go of all that was acknowledged; return how many messages it was."""
    (held,) = database.execute("SELECT held_seq FROM stock").fetchone()
    return forget(database, held)


def thin(
    database: sqlite3.Connection, node: str, place: Callable[[Sequence[Message]], list[int]]
) -> int:
    """Put minute values in place of the oldest levels; return how many messages went.

    Parameters
    ----------
    place : callable
        Appends messages and returns their numbers, in this transaction.
    """
    taken = _oldest_levels(database)
    if len(taken) < WORTH_IT:
        return 0
    # First, so that what takes their place finds room where they were.
    database.executemany("DELETE FROM message WHERE seq = ?", [(one.seq,) for one in taken])
    instead = place(thinned([one.batch for one in taken]))
    hashes = [(one.seq, payload_hash(one.payload)) for one in taken]
    simulated = any("simulated" in one.batch.flags for one in taken)
    told = Absence(
        **draft(node, seq=instead[-1] + 1),
        reason="thinned",
        absent=absent(hashes),
        instead=tuple(instead),
        flags=("simulated",) if simulated else (),
    )
    place([told])
    return len(taken)


def _oldest_levels(database: sqlite3.Connection) -> list[_Taken]:
    # What may be on its way is left as it is: the collector must not get both. What is older than
    # an announced key is too, since the minutes would be signed with the one that comes after it.
    rows = database.execute(
        "SELECT seq, payload FROM message WHERE NOT whole AND seq > "
        "(SELECT max(held_seq, offered_seq, "
        "coalesce((SELECT max(seq) FROM message WHERE kind = 'key'), 0)) FROM stock) "
        "ORDER BY seq LIMIT ?",
        (AT_ONCE,),
    )
    decoded = ((seq, payload, decode(payload)) for seq, payload in rows)
    return [
        _Taken(seq, payload, batch)
        for seq, payload, batch in decoded
        if isinstance(batch, LevelBatch)
    ]
