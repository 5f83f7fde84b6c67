"""What people were disturbed by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "disturbance",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("site", sa.String(63), sa.ForeignKey("site.id"), nullable=False),
        sa.Column("what", sa.String(20), nullable=False),
        sa.Column("when", sa.String(20), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=False),
        sa.Column("told_by", sa.String(100), nullable=False),
    )
    op.create_index("disturbance_site_at", "disturbance", ["site", "at"])
    op.create_index("disturbance_told_by", "disturbance", ["told_by", "told_at"])
