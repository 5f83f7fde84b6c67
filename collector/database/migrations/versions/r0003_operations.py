"""What outputs refused, and when each collector last wrote."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the tables; what is there stays as it is."""
    # Earlier collectors made this one when they first forwarded something.
    if not sa.inspect(op.get_bind()).has_table("output_rejected"):
        op.create_table(
            "output_rejected",
            sa.Column("output", sa.String(40), primary_key=True),
            sa.Column("sha256", sa.String(64), primary_key=True),
            sa.Column("line", sa.String(), nullable=False),
            sa.Column("reason", sa.String(), nullable=False),
            sa.Column("rejected_at", sa.BigInteger(), nullable=False),
            sa.Column("last_rejected_at", sa.BigInteger(), nullable=False),
            sa.Column("count", sa.BigInteger(), nullable=False),
        )
    op.create_table(
        "heartbeat",
        sa.Column("collector", sa.String(200), primary_key=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )
