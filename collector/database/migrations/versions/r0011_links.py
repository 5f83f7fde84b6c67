"""Addresses that let in whoever knows them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "secret_link",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column("site", sa.String(63), sa.ForeignKey("site.id")),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("secret_sha256", sa.String(64), nullable=False, unique=True),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger()),
        sa.Column("revoked_at", sa.BigInteger()),
    )
