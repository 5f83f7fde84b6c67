"""How each node did hour by hour, and the background that it heard."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add the tables; the upgrade fills them from the messages that are kept."""
    for name in ("node_hour", "node_hour_pruned"):
        op.create_table(name, *_columns())
    op.create_index("node_hour_hour", "node_hour", ["hour"])


def _columns() -> list[sa.Column[Any]]:
    counts = ("reports", "prompt", "microphone_bad", "under_voltage", "throttled", "clock_unsure")
    numbers = ("outbox_depth", "disk_free_bytes", "disk_written_bytes", "disk_errors",
               "memory_available_bytes")  # fmt: skip
    sizes = ("uptime_s", "cpu_load", "cpu_own_share", "cpu_temperature_c", "disk_worn_share",
             "clock_offset_s", "microphone_lowest_db", "outbox_oldest_s",
             "background_db_s", "background_s")  # fmt: skip
    return [
        sa.Column("node", sa.String(63), primary_key=True),
        sa.Column("hour", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("simulated", sa.Boolean(), primary_key=True),
        *(sa.Column(one, sa.BigInteger()) for one in (*counts, *numbers)),
        *(sa.Column(one, sa.Double()) for one in sizes),
    ]
