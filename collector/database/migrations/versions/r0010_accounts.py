"""Accounts, their sessions, logins that failed, and who looked at what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables, empty: whoever has no account sees the public view."""
    op.create_table(
        "account",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("name", sa.String(100), nullable=False, unique=True),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("site", sa.String(63), sa.ForeignKey("site.id")),
        sa.Column("password_hash", sa.String()),
        sa.Column("issuer", sa.String()),
        sa.Column("subject", sa.String()),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("disabled_at", sa.BigInteger()),
        sa.UniqueConstraint("issuer", "subject", name="account_issuer_subject"),
    )
    op.create_table(
        "login_session",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("account", _ID, sa.ForeignKey("account.id"), nullable=False, index=True),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("device", sa.String(200), nullable=False),
    )
    op.create_table(
        "login_failure",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "access_log",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("keep_until", sa.BigInteger(), nullable=False, index=True),
        sa.Column("account", sa.String(100)),
        sa.Column("role", sa.String(20)),
        sa.Column("action", sa.String(20), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("address", sa.String(45), nullable=False),
    )
    op.create_index("access_log_account_at", "access_log", ["account", "at"])
