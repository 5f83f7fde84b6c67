"""``python -m tests.docs.town_pages FOLDER``: the pages of a simulated town and of a node in it.

Writes a line of JSON: the ``address``, the ``session`` cookies of each role, and the ``node``'s
address with the code that lets a phone in. Ends with stdin. It is always the same evening there.
That is why it is a process of its own: time is one for all threads.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import time_machine

from collector.evidence.authority_key import make_key
from collector.ledger.ledger import Ledger
from collector.roles import Role
from deploy.demo_folder import toml
from sensor.commissioning.gate import Gate, watched
from sensor.commissioning.opening import Door
from sensor.config import CommissioningPage
from tests.dashboards.briefing.conftest import served, session_of
from tests.dashboards.briefing.simulated import make_town, pages_of
from tests.peers import free_port
from tests.sensor.commissioning.bench import NODE, bench
from tests.sensor.commissioning.sounds import quiet

EVENING: Final = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
"""A Friday, 18:00 in Sweden."""

SCHOOLS: Final = 4
NAMES: Final = {Role.POLICE: "anna", Role.MUNICIPALITY: "bo", Role.TECHNICIAN: "cilla"}


def main(folder: Path) -> None:
    """Make the town that ends now, and serve its pages."""
    config = make_town(folder, SCHOOLS)
    make_key(folder / "evidence.key")
    with config.open("a", encoding="utf-8") as file:
        file.write(
            "\n" + toml({"evidence": {"authority": "Havsbro kommun", "key_file": "evidence.key"}})
        )
    with pages_of(config) as app, served(app) as address, commissioned(folder / NODE) as node:
        ledger: Ledger = app.state.board.ledger
        for known in ledger.registry.inventory().nodes:
            ledger.set_online(known, online=True, at=datetime.now(UTC))
        sessions = {role.value: session_of(app, role, NAMES.get(role)) for role in Role}
        sys.stdout.write(json.dumps({"address": address, "session": sessions, "node": node}) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


@contextmanager
def commissioned(folder: Path) -> Iterator[str]:
    """A node that hears a calm street, with the page for commissioning open; its address."""
    folder.mkdir()
    page = CommissioningPage(listen="127.0.0.1", port=free_port())
    door, stopping = Door(folder), threading.Event()
    code = door.open()
    with bench(folder) as made:

        def hear() -> None:
            while not stopping.wait(1.0):
                made.play(quiet(1.0))

        hearing = threading.Thread(target=hear)
        with watched(Gate(page, NODE, door, made.work)):
            hearing.start()
            try:
                yield f"http://127.0.0.1:{page.port}/#{code}"
            finally:
                stopping.set()
                hearing.join()


if __name__ == "__main__":
    with time_machine.travel(EVENING):
        main(Path(sys.argv[1]))
