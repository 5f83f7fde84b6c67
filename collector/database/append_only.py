"""Triggers that let nobody change or remove a message, whatever program tries.

The one change they allow is what ``prune`` does: to empty the payload of a message of the kind
and age that a row of ``pruning`` names, while that row is at work. Whoever owns the database can
remove the triggers; that something was changed then shows in the chain, which they cannot mend
without the nodes' keys.

The same holds for what tells who did what: gaps that were accepted, and who looked at the pages.

Triggers hold no data, so they are no part of any revision of the schema: they are remade as they
stand here whenever it is created or upgraded.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

_REFUSAL: Final = "the ledger is append-only"
_KEPT: Final = (
    "position", "node", "seq", "prev", "sha256", "kind", "time", "start", "received_at",
    "signature",
)  # fmt: skip
_PERMITTED: Final = """
    EXISTS (SELECT 1 FROM pruning
            WHERE at_work AND kind = OLD.kind AND received_before > OLD.received_at)
"""

# INSERT OR REPLACE removes rows without asking a DELETE trigger, hence the one on INSERT.
_SQLITE: Final = {
    "message_no_replace": """
        BEFORE INSERT ON message
        WHEN EXISTS (SELECT 1 FROM message WHERE position = NEW.position)
          OR EXISTS (SELECT 1 FROM message WHERE node = NEW.node AND seq = NEW.seq)
        BEGIN SELECT RAISE(ABORT, '{refusal}: this message is there'); END
    """,
    "message_no_update": """
        BEFORE UPDATE OF {kept} ON message
        BEGIN SELECT RAISE(ABORT, '{refusal}: no message can be changed'); END
    """,
    "message_no_loss": """
        BEFORE UPDATE OF payload ON message
        WHEN length(NEW.payload) > 0 OR NOT {permitted}
        BEGIN SELECT RAISE(ABORT, '{refusal}: only prune can empty a message'); END
    """,
    "message_no_delete": """
        BEFORE DELETE ON message
        BEGIN SELECT RAISE(ABORT, '{refusal}: no message can be removed'); END
    """,
    "pruning_no_delete": """
        BEFORE DELETE ON pruning
        BEGIN SELECT RAISE(ABORT, '{refusal}: what was pruned stays on record'); END
    """,
    "gap_accepted_no_update": """
        BEFORE UPDATE ON gap_accepted
        BEGIN SELECT RAISE(ABORT, '{refusal}: what was accepted stays on record'); END
    """,
    "gap_accepted_no_delete": """
        BEFORE DELETE ON gap_accepted
        BEGIN SELECT RAISE(ABORT, '{refusal}: what was accepted stays on record'); END
    """,
    "access_log_no_replace": """
        BEFORE INSERT ON access_log
        WHEN EXISTS (SELECT 1 FROM access_log WHERE id = NEW.id)
        BEGIN SELECT RAISE(ABORT, '{refusal}: this entry is there'); END
    """,
    "access_log_no_update": """
        BEFORE UPDATE ON access_log
        BEGIN SELECT RAISE(ABORT, '{refusal}: who looked stays on record'); END
    """,
    "access_log_no_delete": """
        BEFORE DELETE ON access_log
        WHEN OLD.keep_until > 1000000 * CAST(strftime('%s', 'now') AS INTEGER)
        BEGIN SELECT RAISE(ABORT, '{refusal}: who looked stays on record'); END
    """,
}

_POSTGRESQL_FUNCTION: Final = """
CREATE OR REPLACE FUNCTION skolro_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'message' THEN
        IF ({new}) IS DISTINCT FROM ({old}) THEN
            RAISE EXCEPTION '{refusal}: no message can be changed';
        END IF;
        IF length(NEW.payload) > 0 OR NOT {permitted} THEN
            RAISE EXCEPTION '{refusal}: only prune can empty a message';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'access_log' THEN
        IF OLD.keep_until <= 1000000 * extract(epoch FROM now()) THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION USING MESSAGE =
        '{refusal}: nothing can be removed or changed in ' || TG_TABLE_NAME;
END $$
"""
_POSTGRESQL: Final = {
    "message_no_update": "BEFORE UPDATE ON message FOR EACH ROW",
    "message_no_delete": "BEFORE DELETE ON message FOR EACH ROW",
    "message_no_truncate": "BEFORE TRUNCATE ON message",
    "pruning_no_delete": "BEFORE DELETE ON pruning FOR EACH ROW",
    "pruning_no_truncate": "BEFORE TRUNCATE ON pruning",
    "gap_accepted_no_update": "BEFORE UPDATE ON gap_accepted FOR EACH ROW",
    "gap_accepted_no_delete": "BEFORE DELETE ON gap_accepted FOR EACH ROW",
    "gap_accepted_no_truncate": "BEFORE TRUNCATE ON gap_accepted",
    "access_log_no_update": "BEFORE UPDATE ON access_log FOR EACH ROW",
    "access_log_no_delete": "BEFORE DELETE ON access_log FOR EACH ROW",
    "access_log_no_truncate": "BEFORE TRUNCATE ON access_log",
}


def install(connection: Connection) -> None:
    """Make the triggers, in place of older ones."""
    if connection.dialect.name == "postgresql":
        _install_postgresql(connection)
        return
    for name, body in _SQLITE.items():
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
        connection.exec_driver_sql(f"CREATE TRIGGER {name} {_filled_in(body)}")


def _install_postgresql(connection: Connection) -> None:
    connection.exec_driver_sql(_filled_in(_POSTGRESQL_FUNCTION))
    for name, when in _POSTGRESQL.items():
        # CREATE OR REPLACE TRIGGER would need PostgreSQL 14.
        table = name.partition("_no_")[0]
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name} ON {table}")
        connection.exec_driver_sql(
            f"CREATE TRIGGER {name} {when} EXECUTE FUNCTION skolro_append_only()"
        )


def _filled_in(text: str) -> str:
    return text.format(
        refusal=_REFUSAL,
        permitted=_PERMITTED,
        kept=", ".join(_KEPT),
        new=", ".join(f"NEW.{name}" for name in _KEPT),
        old=", ".join(f"OLD.{name}" for name in _KEPT),
    )
