"""Whether the ledger can be written, known by writing it."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Engine

from collector.database.database import upsert, writing
from collector.database.tables import heartbeat
from collector.errors import LedgerError


class Heartbeat:
    """Writes that a collector is there.

    Parameters
    ----------
    engine : Engine
        The ledger's database.
    collector : str
        Name of the collector; each of several has its own.

    Attributes
    ----------
    trouble : str, optional
        Why the last one could not be written; None: it could.
    """

    def __init__(self, engine: Engine, collector: str) -> None:
        self._engine = engine
        self._collector = collector
        self.trouble: str | None = None

    def beat(self) -> None:
        """Try to write; what stands in the way is told by `trouble`."""
        row = {"collector": self._collector, "at": datetime.now(UTC)}
        try:
            with writing(self._engine) as connection:
                insert = upsert(connection, heartbeat)
                replaced = {"at": insert.excluded.at}
                connection.execute(
                    insert.on_conflict_do_update(index_elements=["collector"], set_=replaced), row
                )
        except LedgerError as error:
            self.trouble = str(error)
        else:
            self.trouble = None
