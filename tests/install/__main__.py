"""``make test-install``: a node in a fresh Debian, as a technician's card makes one.

Needs root, debootstrap and a Debian mirror; some minutes a suite. What systemd does on a real node
is done by hand here: its units are started as their users, since no systemd runs in a chroot.
"""

from __future__ import annotations

import argparse
import os
import shutil
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
from deploy.processes import Child
from tests.install import plugged_in
from tests.install.network import SERVER, Cable
from tests.install.root import SUITES, Root, built
from tests.install.updates import unit_command, update_and_return
from tests.peers import wait_for
from tests.system.server import Server

NODE: Final = "ekskolan-1"
ROOT: Final = Path(__file__).parents[2]

console = Console()


def main() -> int:
    """Try each suite, and say how far each came."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suites", nargs="*", default=list(SUITES), help=", ".join(SUITES))
    asked = parser.parse_args()
    if os.geteuid() != 0:
        console.print("This needs root: sudo make test-install")
        return 2
    with tempfile.TemporaryDirectory(prefix="skolro-wheel-") as folder:
        wheel = built(Path(folder))
        for suite in asked.suites:
            with Root(suite) as root:
                install_and_measure(root, wheel)
    console.print("all is well")
    return 0


def install_and_measure(root: Root, wheel: Path) -> None:
    """From a card to a node that measures, through a cable that is pulled."""
    with (
        tempfile.TemporaryDirectory(prefix="skolro-server-") as name,
        Cable("skolro-node") as cable,
    ):
        folder = Path(name)
        folder.chmod(0o755)
        with Server(folder, SERVER, wheel) as server:
            server.skolro("node", "add", NODE, "--site", "ekskolan", "--distance", "6")
            server.skolro("fleet", "key", "--make")
            listen_to_a_street(server)
            boot(root, server.card("card"))
            node = started(root, server, cable)
            engine = open_database(server.ledger_url)
            ledger = Ledger(engine, Registry(engine))
            said(root, "enrolled, first message in the ledger", after=has_sent(ledger, node, 1))
            lose_the_network(root, ledger, cable, node)
            node.terminate()
            node.join(30)
            update_and_return(root, server, cable, wheel)
            assert ledger.check().holds, "the ledger does not verify"
            assert not list(ledger.quarantined(10)), "something was refused"
            engine.dispose()


def boot(root: Root, card: Path) -> None:
    """Put the card in and let it boot: first its own script, then the service that installs."""
    began = time.monotonic()
    firmware = root.inside("/boot/firmware")
    shutil.copytree(card, firmware)
    root.run("sh", "/boot/firmware/skolro/first-boot.sh")
    assert not (firmware / "skolro/client.key").exists(), "the key is still on the card"
    root.run("sh", "/opt/skolro/setup/install-node.sh")
    said(root, f"installed in {time.monotonic() - began:.0f} s")
    # It can be run again, as after a power cut.
    root.run("sh", "/opt/skolro/setup/install-node.sh")
    version = root.run("/opt/skolro/bin/skolro", "--version", user="skolro")
    said(root, version.strip())
    # Its status says whether every limit of the standards is kept.
    root.run("/opt/skolro/bin/skolro", "sensor", "conformance", user="skolro")
    said(root, "its meter conforms")
    time_servers = root.run("chronyd", "-p", "-f", "/etc/chrony/chrony.conf")
    assert time_servers.count(".nts.netnod.se") >= 3, "chrony does not read its part"
    plugged_in.check(root)
    said(root, "udev names what is plugged in")


def listen_to_a_street(server: Server) -> None:
    """Have the node hear a simulated street: there is no microphone in here."""
    config = server.folder / "nodes" / NODE / "node.toml"
    head, _, _ = config.read_text().partition("[input]")
    config.write_text(head + '[input]\nkind = "street"\n[levels]\nbatch_s = 1\n')


def started(root: Root, server: Server, cable: Cable) -> Child:
    """The node's unit, started as its user, in its own network."""
    root.run("install", "-d", "-m", "0775", "-o", "skolro", "-g", "skolro", "/run/skolro")
    command = unit_command(root, cable, "skolro-sensor.service", user="skolro")
    return server.child(f"node-{root.suite}", *command)


def has_sent(ledger: Ledger, node: Child, count: int) -> int:
    """Wait until the ledger has `count` messages of the node in a row; how many it has."""

    def enough() -> bool:
        assert node.status is None, node.log.read_text()
        return ledger.acked_seqs([NODE]).get(NODE, 0) >= count

    wait_for(enough, 120, f"not {count} messages: {node.log.read_text()[-1000:]}")
    return ledger.acked_seqs([NODE])[NODE]


def lose_the_network(root: Root, ledger: Ledger, cable: Cable, node: Child) -> None:
    """Pull the cable for a while: what was measured meanwhile comes afterwards."""
    before = has_sent(ledger, node, 5)
    cable.pull()
    time.sleep(20)
    at_most = ledger.acked_seqs([NODE])[NODE]
    assert at_most <= before + 5, "messages came through a cable that was pulled"
    cable.plug()
    said(root, "network lost and back", after=has_sent(ledger, node, at_most + 20))


def said(root: Root, text: str, after: int | None = None) -> None:
    """Print how far it is."""
    console.print(f"{root.suite}: {text}" + ("" if after is None else f" ({after} messages)"))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (AssertionError, subprocess.SubprocessError) as error:
        console.print(f"failed: {error}")
        sys.exit(1)
