"""What nodes are wished to run, and how far an update has come."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "rollout",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("version", sa.String(40), nullable=False),
        sa.Column("manifest_sha256", sa.String(64), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("wait_s", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("end", sa.String(10)),
        sa.Column("reason", sa.String(), nullable=False),
    )
    op.create_table(
        "wish",
        sa.Column("node", sa.String(63), sa.ForeignKey("node.id"), primary_key=True),
        sa.Column("number", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("rollout", _ID, sa.ForeignKey("rollout.id")),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.String(), nullable=False),
        sa.Column("released_at", sa.BigInteger()),
        sa.Column("withdrawn_at", sa.BigInteger()),
        sa.Column("outcome", sa.String(10)),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("outcome_at", sa.BigInteger()),
    )
