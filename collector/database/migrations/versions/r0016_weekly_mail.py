"""Which weekly mails were made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "weekly_mail",
        sa.Column("recipient", sa.String(80), primary_key=True),
        sa.Column("due_at", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("made_at", sa.BigInteger()),
        sa.Column("facts", sa.JSON(), nullable=False),
    )
