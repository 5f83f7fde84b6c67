"""Links by which somebody chooses a password, and what was done to accounts found by an index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the table, empty, and the index."""
    op.create_table(
        "invitation",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("account", _ID, sa.ForeignKey("account.id"), nullable=False, unique=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
    )
    op.create_index("access_log_action", "access_log", ["action"])
