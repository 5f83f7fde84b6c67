"""What was pruned, what overflowed the quarantine, and what nodes sent twice."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables; what is there stays as it is."""
    op.create_table(
        "pruning",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("received_before", sa.BigInteger(), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("at_work", sa.Boolean(), nullable=False),
    )
    op.create_table(
        "level_hour_pruned",
        sa.Column("node", sa.String(63), primary_key=True),
        sa.Column("hour", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("site", sa.String(63), primary_key=True),
        sa.Column("simulated", sa.Boolean(), primary_key=True),
        sa.Column("energy", sa.Double(), nullable=False),
        sa.Column("lafmax_db", sa.Double()),
        sa.Column("valid_s", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "quarantine_overflow",
        sa.Column("reason", sa.String(20), primary_key=True),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "node_anomaly",
        sa.Column("node", sa.String(63), primary_key=True),
        sa.Column("replays", sa.BigInteger(), nullable=False),
        sa.Column("forks", sa.BigInteger(), nullable=False),
    )
