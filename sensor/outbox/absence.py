"""What an outbox no longer has: found, told in the chain, and begun anew after."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import TypeAlias

from sensor.contract.codec import decode
from sensor.contract.messages import MOST_ABSENT, Absence, Absent, Flag, Message, draft
from sensor.contract.signature import payload_hash

Place: TypeAlias = Callable[[Sequence[Message]], list[int]]
"""Appends messages within the transaction at hand and returns their numbers."""


def tell_lost(database: sqlite3.Connection, node: str, first: int, last: int, place: Place) -> int:
    """Say which numbers from `first` to `last` are neither here nor told of by what waits.

    Returns
    -------
    int
        How many numbers were told.
    """
    (next_seq,) = database.execute("SELECT next_seq FROM chain").fetchone()
    gone = _gone(database, first, min(last, next_seq - 1))[:MOST_ABSENT]
    if gone:
        told = Absence(
            **draft(node, seq=next_seq),
            reason="lost",
            absent=tuple(Absent(first=begin, last=end, sha256=None) for begin, end in gone),
            flags=flags_now(database),
        )
        place([told])
    return sum(end - begin + 1 for begin, end in gone)


def continue_after(
    database: sqlite3.Connection, highest_seq: int, head_sha256: str, place: Place
) -> bool:
    """Number what waits anew, after a message that this outbox has forgotten; see the outbox."""
    acked, own = database.execute(
        "SELECT acked_seq, (SELECT payload FROM message WHERE seq = ?) FROM chain", (highest_seq,)
    ).fetchone()
    if acked or not highest_seq or (own and payload_hash(own) == head_sha256):
        return False
    payloads = database.execute("SELECT payload FROM message ORDER BY seq").fetchall()
    waiting = [decode(payload) for (payload,) in payloads]
    database.execute("DELETE FROM message")
    database.execute("DELETE FROM absent")
    database.execute(
        "UPDATE chain SET next_seq = ?, prev = ?, acked_seq = ?",
        (highest_seq + 1, head_sha256, highest_seq),
    )
    database.execute("UPDATE stock SET held_seq = ?1, offered_seq = ?1", (highest_seq,))
    # What an empty outbox told of its own numbers means nothing any more.
    place([one for one in waiting if not isinstance(one, Absence)])
    return True


def _gone(database: sqlite3.Connection, first: int, last: int) -> list[tuple[int, int]]:
    known = database.execute(
        "SELECT seq, seq FROM message WHERE seq BETWEEN :first AND :last UNION ALL "
        "SELECT first, last FROM absent WHERE last >= :first AND first <= :last ORDER BY 1",
        {"first": first, "last": last},
    )
    gone = []
    for begin, end in [*known, (last + 1, last + 1)]:
        if begin > first:
            gone.append((first, begin - 1))
        first = max(first, end + 1)
    return gone


def flags_now(database: sqlite3.Connection) -> tuple[Flag, ...]:
    """What a message about the chain is flagged with: whether its node is simulated."""
    newest = "SELECT payload FROM message ORDER BY seq DESC LIMIT 1"
    row = database.execute(newest).fetchone()
    return ("simulated",) if row and "simulated" in decode(row[0]).flags else ()
