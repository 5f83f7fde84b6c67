"""The tables as they were before versions were written down."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them in an empty database."""
    _messages()
    _projections()
    _registry()


def _messages() -> None:
    op.create_table(
        "message",
        sa.Column("position", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("node", sa.String(63), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("prev", sa.String(64), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.String(), nullable=False),
        sa.UniqueConstraint("node", "seq", name="message_node_seq"),
    )
    op.create_index("message_node_kind_start", "message", ["node", "kind", "start"])
    op.create_table(
        "quarantine",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("last_received_at", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(20), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.String()),
        sa.UniqueConstraint("topic", "reason", "sha256", name="quarantine_same"),
    )
    op.create_table(
        "output_cursor",
        sa.Column("output", sa.String(40), primary_key=True),
        sa.Column("position", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "node_online",
        sa.Column("node", sa.String(63), primary_key=True),
        sa.Column("online", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
    )


def _projections() -> None:
    op.create_table(
        "node_state",
        sa.Column("node", sa.String(63), primary_key=True),
        sa.Column("acked_seq", sa.BigInteger(), nullable=False),
        sa.Column("highest_seq", sa.BigInteger(), nullable=False),
        sa.Column("head_sha256", sa.String(64), nullable=False),
        sa.Column("chain_breaks", sa.BigInteger(), nullable=False),
        sa.Column("last_time", sa.BigInteger(), nullable=False),
        sa.Column("last_received_at", sa.BigInteger(), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("health_seq", sa.BigInteger(), nullable=False),
        sa.Column("health", sa.JSON()),
    )
    op.create_table(
        "message_count",
        sa.Column("node", sa.String(63), primary_key=True),
        sa.Column("kind", sa.String(20), primary_key=True),
        sa.Column("count", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "event",
        sa.Column("position", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("node", sa.String(63), nullable=False),
        sa.Column("site", sa.String(63)),
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("duration_s", sa.Double(), nullable=False),
        sa.Column("trigger", sa.String(20), nullable=False),
        sa.Column("lafmax_db", sa.Double(), nullable=False),
        sa.Column("lae_db", sa.Double(), nullable=False),
        sa.Column("laeq_db", sa.Double(), nullable=False),
        sa.Column("background_laf90_db", sa.Double()),
        sa.Column("emergence_db", sa.Double()),
        sa.Column("source", sa.String(30), nullable=False),
        sa.Column("source_probability", sa.Double()),
        sa.Column("speed_kmh", sa.Double()),
        sa.Column("speed_low_kmh", sa.Double()),
        sa.Column("speed_high_kmh", sa.Double()),
        sa.Column("direction", sa.Integer()),
        sa.Column("speed_method", sa.String(20)),
        sa.Column("speed_refused", sa.String(30)),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("flags", sa.JSON(), nullable=False),
    )
    op.create_index("ix_event_id", "event", ["id"])
    op.create_index("ix_event_start", "event", ["start"])
    op.create_index("event_site_start", "event", ["site", "start"])
    op.create_index("event_node_start", "event", ["node", "start"])
    op.create_table(
        "level_hour",
        sa.Column("node", sa.String(63), primary_key=True),
        sa.Column("hour", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("site", sa.String(63), primary_key=True),
        sa.Column("simulated", sa.Boolean(), primary_key=True),
        sa.Column("energy", sa.Double(), nullable=False),
        sa.Column("lafmax_db", sa.Double()),
        sa.Column("valid_s", sa.BigInteger(), nullable=False),
    )
    op.create_index("level_hour_site_hour", "level_hour", ["site", "hour"])


def _registry() -> None:
    op.create_table(
        "site",
        sa.Column("id", sa.String(63), primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("municipality", sa.String(), nullable=False),
        sa.Column("latitude", sa.Double()),
        sa.Column("longitude", sa.Double()),
        sa.Column("time_zone", sa.String(60), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
    )
    op.create_table(
        "node",
        sa.Column("id", sa.String(63), primary_key=True),
        sa.Column("note", sa.String(), nullable=False),
    )
    op.create_table(
        "placement",
        sa.Column("node", sa.String(63), sa.ForeignKey("node.id"), primary_key=True),
        sa.Column("since", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("until", sa.BigInteger()),
        sa.Column("site", sa.String(63), sa.ForeignKey("site.id"), nullable=False),
        sa.Column("geometry", sa.JSON(), nullable=False),
    )
    op.create_table(
        "node_key",
        sa.Column("kid", sa.String(43), primary_key=True),
        sa.Column("node", sa.String(63), sa.ForeignKey("node.id"), nullable=False),
        sa.Column("public_key", sa.String(43), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger()),
    )
    op.create_table(
        "speed_limit",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("site", sa.String(63), sa.ForeignKey("site.id"), nullable=False),
        sa.Column("kmh", sa.Double(), nullable=False),
        sa.Column("weekdays", sa.JSON(), nullable=False),
        sa.Column("from_time", sa.String(5), nullable=False),
        sa.Column("to_time", sa.String(5), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
    )
    op.create_table(
        "guideline",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("site", sa.String(63), sa.ForeignKey("site.id"), nullable=False),
        sa.Column("quantity", sa.String(30), nullable=False),
        sa.Column("value_db", sa.Double(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
    )
    op.create_table(
        "registry_version",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
    )
