"""``python -m tests.install.arm64``: a node in a Debian for arm64, installed there by its card.

Programs in there are run by QEMU as a Raspberry Pi Zero 2 would. No systemd is among them: the
unit's command is started as its user, and measures, and what it sends reaches a ledger.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from rich.console import Console

from collector.database.database import open_database
from collector.ledger.ledger import Ledger
from collector.registry.registry import Registry
from sensor.contract.errors import SkolroError
from tests.install.card import NODE, card_for, put_in
from tests.install.emulation import arm64
from tests.install.levels import TOLERANCE_DB, largest_difference
from tests.install.root import Root, built
from tests.install.units import SENSOR, command_of
from tests.peers import wait_for
from tests.system.server import Server

_SUITE: Final = "trixie-arm64"
_MESSAGES: Final = 10
_SKOLRO: Final = "/opt/skolro/bin/skolro"
_CONFIG: Final = ("--config", "/etc/skolro/node.toml")

console = Console()


def main() -> int:
    """Install, compare what is measured on both sides, and send it."""
    if os.geteuid() != 0:
        console.print("This needs root: sudo make test-install")
        return 2
    with tempfile.TemporaryDirectory(prefix="skolro-server-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with (
            arm64(),
            Server(folder, wheel=built(folder)) as server,
            Root(_SUITE) as root,
        ):
            install(root, card_for(server))
            compare(root)
            send(root, server)
    console.print("all is well")
    return 0


def install(root: Root, card: Path) -> None:
    """From the card to a release that its users can run."""
    began = time.monotonic()
    put_in(root, card)
    root.run("sh", "/opt/skolro/setup/install-node.sh")
    said(f"installed in {time.monotonic() - began:.0f} s")
    asked = "import platform; print(platform.machine(), platform.python_version())"
    machine, python = root.run("/opt/skolro/node/current/bin/python", "-c", asked).split()
    assert machine == "aarch64", f"that is no arm64 but {machine}"
    said(f"{root.run(_SKOLRO, '--version', user='skolro').strip()}, Python {python}")
    root.run(_SKOLRO, "sensor", "check-config", *_CONFIG, user="skolro")
    root.run(_SKOLRO, "sensor", "update", "--check", user="skolro-updater")
    # Its status says whether every limit of the standards is kept.
    root.run(_SKOLRO, "sensor", "conformance", user="skolro")
    said("its meter conforms")


def compare(root: Root) -> None:
    """The same sound has the same levels there as here."""
    difference_db, count = largest_difference(root, _SKOLRO, user="skolro")
    said(f"{count} levels of the same sound differ by {difference_db:.3f} dB at most")
    assert difference_db <= TOLERANCE_DB, "the levels are not the same"


def send(root: Root, server: Server) -> None:
    """What the unit would start enrols, measures a street, and is heard."""
    root.run("install", "-d", "-m", "0775", "-o", "skolro", "-g", "skolro", "/run/skolro")
    # Becomes what it starts, so that it is what is told to end.
    become = ("setpriv", "--reuid=skolro", "--regid=skolro", "--init-groups", "--")
    node = server.child("node", *root.command(*become, *command_of(SENSOR).split()))
    engine = open_database(server.ledger_url)
    ledger = Ledger(engine, Registry(engine))

    def enough() -> bool:
        assert node.status is None, node.log.read_text()
        return ledger.acked_seqs([NODE]).get(NODE, 0) >= _MESSAGES

    wait_for(enough, 600, f"not {_MESSAGES} messages")
    node.terminate()
    node.join(120)
    assert node.status == 0, node.log.read_text()
    assert ledger.check().holds, "the ledger does not verify"
    said(f"it enrolled, and sent {ledger.acked_seqs([NODE])[NODE]} messages that verify")
    engine.dispose()


def said(text: str) -> None:
    """Print how far it is."""
    console.print(f"arm64: {text}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (AssertionError, SkolroError, subprocess.SubprocessError) as error:
        console.print(f"failed: {error}")
        sys.exit(1)
