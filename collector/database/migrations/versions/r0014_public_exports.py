"""Of each summary that was made, whether it was the public form."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add the column; there was no public form before."""
    op.add_column(
        "export_log",
        sa.Column("public", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
