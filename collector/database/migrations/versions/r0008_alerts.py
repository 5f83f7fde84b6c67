"""Alerts, whom they are told, and the messages that tell them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "alert",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("subject", sa.String(300), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("site", sa.String(63)),
        sa.Column("node", sa.String(63)),
        sa.Column("told_by", sa.String(200)),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("gone_at", sa.BigInteger()),
        sa.Column("ended_at", sa.BigInteger(), index=True),
    )
    op.create_table(
        "alert_notice",
        sa.Column("alert", _ID, sa.ForeignKey("alert.id"), primary_key=True),
        sa.Column("recipient", sa.String(80), primary_key=True),
        sa.Column("phase", sa.String(5), primary_key=True),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("composed_at", sa.BigInteger(), index=True),
    )
    op.create_table(
        "alert_message",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("recipient", sa.String(80), nullable=False),
        sa.Column("target", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("failure", sa.String()),
        sa.Column("sent_at", sa.BigInteger()),
        sa.Column("given_up_at", sa.BigInteger()),
    )
    op.create_index("alert_message_recipient_kind", "alert_message",
                    ["recipient", "kind", "made_at"])  # fmt: skip
    op.create_index("alert_message_open", "alert_message", ["sent_at", "given_up_at", "next_at"])
