"""Of each patrol, how often it was changed, and by whom and when it last was."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the columns; who logged what is there is not known."""
    op.add_column(
        "patrol", sa.Column("version", sa.BigInteger(), nullable=False, server_default="1")
    )
    op.add_column("patrol", sa.Column("changed_by", sa.String(), nullable=False, server_default=""))
    op.add_column("patrol", sa.Column("changed_at", sa.BigInteger()))
