"""What nodes have no more, gaps that were accepted, and keys that followed each other."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables and columns; what is there stays as it is."""
    op.create_table(
        "absence",
        sa.Column("position", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("first_seq", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("node", sa.String(63), nullable=False),
        sa.Column("reason", sa.String(20), nullable=False),
        sa.Column("hashes", sa.JSON()),
    )
    op.create_index("absence_node_last_seq", "absence", ["node", "last_seq"])
    op.create_table(
        "gap_accepted",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("node", sa.String(63), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("accepted_at", sa.BigInteger(), nullable=False),
    )
    op.create_index("gap_accepted_node_last_seq", "gap_accepted", ["node", "last_seq"])
    op.add_column("node_key", sa.Column("announced_seq", sa.BigInteger()))
    op.add_column("node_key", sa.Column("last_seq", sa.BigInteger()))
