"""Hours of each site in rows of a day, episodes, and patrols."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables; the upgrade fills the first two from events and levels."""
    op.create_table(
        "episode",
        sa.Column("site", sa.String(63), primary_key=True),
        sa.Column("simulated", sa.Boolean(), primary_key=True),
        sa.Column("start", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("passes", sa.BigInteger(), nullable=False),
        sa.Column("unconfirmed", sa.BigInteger(), nullable=False),
        sa.Column("lafmax_db", sa.Double(), nullable=False),
        sa.Column("speed_kmh", sa.Double()),
        sa.Column("reasons", sa.JSON(), nullable=False),
    )
    op.create_table("site_day", *_day(), sa.Column("measured_s", sa.LargeBinary(), nullable=False))
    op.create_table("site_day_pruned", *_day())
    op.create_table(
        "patrol",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("site", sa.String(63), sa.ForeignKey("site.id"), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
    )


def _day() -> list[sa.Column[Any]]:
    counts = ("events", "unconfirmed", "episodes")
    return [
        sa.Column("site", sa.String(63), primary_key=True),
        sa.Column("begins", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("simulated", sa.Boolean(), primary_key=True),
        *(sa.Column(count, sa.LargeBinary(), nullable=False) for count in counts),
    ]
