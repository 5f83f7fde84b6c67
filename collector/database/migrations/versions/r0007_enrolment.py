"""One-time secrets of new nodes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "enrolment",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("node", sa.String(63), sa.ForeignKey("node.id"), nullable=False),
        sa.Column("secret_sha256", sa.String(64), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger()),
        sa.Column("kid", sa.String(43)),
        sa.UniqueConstraint("secret_sha256", name="enrolment_secret"),
    )
