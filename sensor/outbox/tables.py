"""The tables of the outbox, and how an older outbox gets them."""

from __future__ import annotations

import sqlite3
from typing import Final

from sensor.contract.messages import GENESIS

# turn: when it is sent. What stands for numbers that are gone goes in their place, so that the
#   collector's ack is never held up by a hole that a later message explains.
# whole: nothing can be left out of it to make room.
# signer: the public key of what is appended next.
# absent: what is gone, and the message that says so.
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS message (
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    payload BLOB NOT NULL,
    signature TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS chain (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    node TEXT NOT NULL,
    next_seq INTEGER NOT NULL,
    prev TEXT NOT NULL,
    acked_seq INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS ack (
    seq INTEGER PRIMARY KEY,
    at REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS stock (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    held_seq INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS signer (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    public_key TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS absent (
    first INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,
    told_by INTEGER NOT NULL
) STRICT;
CREATE TRIGGER IF NOT EXISTS message_comes AFTER INSERT ON message BEGIN
    UPDATE stock SET bytes = bytes + length(NEW.payload) + length(NEW.signature);
END;
CREATE TRIGGER IF NOT EXISTS message_goes AFTER DELETE ON message BEGIN
    UPDATE stock SET bytes = bytes - length(OLD.payload) - length(OLD.signature);
END;
"""
_STOCK_OF_WHAT_IS_THERE: Final = """
INSERT OR IGNORE INTO stock (only, held_seq, bytes)
SELECT 1, (SELECT acked_seq FROM chain), coalesce(sum(length(payload) + length(signature)), 0)
FROM message WHERE NOT EXISTS (SELECT 1 FROM stock)
"""
# What an older outbox holds may all have been sent.
_ADDED: Final = {
    ("message", "turn"): "UPDATE message SET turn = seq",
    ("message", "whole"): "UPDATE message SET whole = (kind <> 'levels')",
    ("stock", "offered_seq"): "UPDATE stock SET offered_seq = (SELECT next_seq - 1 FROM chain)",
}


def prepare(database: sqlite3.Connection, node: str, public_key: str) -> tuple[str, str]:
    """Make the tables that are missing; return whose outbox it is, and the key that signs.

    Parameters
    ----------
    node, public_key : str
        Whose it becomes if it is new.
    """
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    # A short log, since on a full disk its room is all there is.
    database.execute("PRAGMA wal_autocheckpoint = 256")
    database.executescript(_SCHEMA)
    with database:
        database.execute("INSERT OR IGNORE INTO chain VALUES (1, ?, 1, ?, 0)", (node, GENESIS))
        database.execute("INSERT OR IGNORE INTO signer VALUES (1, ?)", (public_key,))
        database.execute(_STOCK_OF_WHAT_IS_THERE)
        for (table, column), filled in _ADDED.items():
            if column not in _columns(database, table):
                added = f"ALTER TABLE {table} ADD COLUMN {column} INTEGER NOT NULL DEFAULT 0"
                database.execute(added)
                database.execute(filled)
        database.execute("CREATE UNIQUE INDEX IF NOT EXISTS message_turn ON message (turn)")
    row = database.execute("SELECT node, public_key FROM chain, signer").fetchone()
    return str(row[0]), str(row[1])


def _columns(database: sqlite3.Connection, table: str) -> set[str]:
    return {name for _, name, *_ in database.execute(f"PRAGMA table_info({table})")}
