"""How much a site heard, of one sort, is found by an index; days that hold too much are cut."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the index; the upgrade counts passes and episodes anew, as of this version."""
    op.create_index("event_site_simulated_start", "event", ["site", "simulated", "start"])
