"""Episodes that follow each other closely are told apart."""

from __future__ import annotations

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Change no table: the upgrade itself counts episodes anew, by the rules of this version."""
