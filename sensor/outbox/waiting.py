"""Which messages go next, and which have gone: read from the outbox's tables."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

_AFTER: Final = """
SELECT seq, kind, payload, signature, turn FROM message
WHERE turn > max(?, (SELECT held_seq FROM stock)) ORDER BY turn LIMIT ?
"""
_NEEDED_FIRST: Final = """
SELECT seq, kind, payload, signature, turn FROM message, stock
WHERE turn <= held_seq AND seq > held_seq AND seq IN (
    held_seq + 1,
    (SELECT told_by FROM absent WHERE first <= held_seq + 1 AND last > held_seq)
)
"""
_BETWEEN: Final = """
SELECT seq, kind, payload, signature, turn FROM message
WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class Pending:
    """A stored message on its way; `turn` is its place in the order of sending."""

    seq: int
    kind: str
    payload: bytes
    signature: str
    turn: int


def pending(database: sqlite3.Connection, after: int, limit: int) -> list[Pending]:
    """Return the messages that wait and whose turn is over `after`, at most `limit`, by turn."""
    return [Pending(*row) for row in database.execute(_AFTER, (after, limit))]


def needed_first(database: sqlite3.Connection) -> list[Pending]:
    """Return what the collector needs next although its turn seemed to be over."""
    return [Pending(*row) for row in database.execute(_NEEDED_FIRST)]


def between(database: sqlite3.Connection, first: int, last: int, limit: int) -> list[Pending]:
    """Return the messages numbered from `first` to `last` that are here, at most `limit`."""
    return [Pending(*row) for row in database.execute(_BETWEEN, (first, last, limit))]


def on_their_way(database: sqlite3.Connection, turn: int) -> int:
    """Return how many messages wait whose turn is over or was not later than `turn`."""
    (count,) = database.execute(
        "SELECT count(*) FROM message WHERE turn > (SELECT held_seq FROM stock) AND turn <= ?",
        (turn,),
    ).fetchone()
    return int(count)
