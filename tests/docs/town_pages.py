"""``python -m tests.docs.town_pages FOLDER``: the pages of a simulated town, until stdin ends.

Writes a line of JSON: the ``address``, and the ``session`` cookies of each role. It is always the
same evening there. That is why it is a process of its own: time is one for all threads.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import time_machine

from collector.evidence.authority_key import make_key
from collector.ledger.ledger import Ledger
from collector.roles import Role
from deploy.demo_folder import toml
from tests.dashboards.briefing.conftest import served, session_of
from tests.dashboards.briefing.simulated import make_town, pages_of

EVENING: Final = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
"""A Friday, 18:00 in Sweden."""

SCHOOLS: Final = 4


def main(folder: Path) -> None:
    """Make the town that ends now, and serve its pages."""
    config = make_town(folder, SCHOOLS)
    make_key(folder / "evidence.key")
    with config.open("a", encoding="utf-8") as file:
        file.write(
            "\n" + toml({"evidence": {"authority": "Havsbro kommun", "key_file": "evidence.key"}})
        )
    with pages_of(config) as app, served(app) as address:
        ledger: Ledger = app.state.board.ledger
        for node in ledger.registry.inventory().nodes:
            ledger.set_online(node, online=True, at=datetime.now(UTC))
        sessions = {role.value: session_of(app, role, NAMES.get(role)) for role in Role}
        sys.stdout.write(json.dumps({"address": address, "session": sessions}) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


NAMES: Final = {Role.POLICE: "anna", Role.MUNICIPALITY: "bo", Role.TECHNICIAN: "cilla"}

if __name__ == "__main__":
    with time_machine.travel(EVENING):
        main(Path(sys.argv[1]))
