"""What outputs refused line by line, kept so that it can be looked at and mended."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Engine, func, select

from collector.database.database import reading, upsert, writing
from collector.database.tables import output_rejected
from collector.outputs.output import RejectedLine

_MAX_REASON: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A line that an output refused; the same again is counted."""

    output: str
    line: str
    reason: str
    rejected_at: datetime
    last_rejected_at: datetime
    count: int


class OutputRejects:
    """The refused lines in the ledger's database `engine`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, output: str, lines: Sequence[RejectedLine]) -> None:
        """Keep `lines`; doing so again does no harm."""
        if not lines:
            return
        now = datetime.now(UTC)
        # One statement must not meet the same row twice.
        rows = [_row(output, item, now) for item in {item.line: item for item in lines}.values()]
        with writing(self._engine) as connection:
            insert = upsert(connection, output_rejected)
            connection.execute(
                insert.on_conflict_do_update(
                    index_elements=["output", "sha256"],
                    set_={
                        "reason": insert.excluded.reason,
                        "last_rejected_at": insert.excluded.last_rejected_at,
                        "count": output_rejected.c.count + 1,
                    },
                ),
                rows,
            )

    def newest(self, output: str, limit: int = 100) -> list[Reject]:
        """Return what `output` refused last, newest first."""
        columns = [column for column in output_rejected.c if column.name != "sha256"]
        query = select(*columns).where(output_rejected.c.output == output)
        order = (output_rejected.c.last_rejected_at.desc(), output_rejected.c.line)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(*order).limit(limit)).mappings()
            return [Reject(**row) for row in rows]

    def total(self, output: str) -> int:
        """Return how many different lines `output` refused."""
        query = select(func.count()).where(output_rejected.c.output == output)
        with reading(self._engine) as connection:
            return int(connection.scalar(query) or 0)


def _row(output: str, item: RejectedLine, now: datetime) -> dict[str, object]:
    return {
        "output": output,
        "sha256": hashlib.sha256(item.line.encode()).hexdigest(),
        "line": item.line,
        "reason": item.reason[:_MAX_REASON],
        "rejected_at": now,
        "last_rejected_at": now,
        "count": 1,
    }
