"""``make test-install``: a node in a fresh Debian that boots, as a technician's card makes one.

Needs root, debootstrap and a Debian mirror; some minutes a suite. Its own systemd does all that it
does on a real node; only its units have a network of their own, so that a cable can be pulled.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from rich.console import Console

from collector.database.database import open_database
from collector.ledger.ledger import Ledger
from collector.registry.registry import Registry
from sensor.contract.errors import SkolroError
from tests.install import plugged_in, units
from tests.install.card import NODE, card_for, put_in
from tests.install.machine import Machine, booted
from tests.install.network import SERVER, Cable
from tests.install.root import SUITES, Root, built
from tests.install.updates import update_and_return
from tests.peers import wait_for
from tests.system.server import Server

_SETUP: Final = "skolro-setup.service"

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
            install_and_measure(suite, wheel)
    console.print("all is well")
    return 0


def install_and_measure(suite: str, wheel: Path) -> None:
    """From a card to a node that measures, through a cable that is pulled."""
    with tempfile.TemporaryDirectory(prefix="skolro-server-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with (
            Cable("skolro-node") as cable,
            Server(folder, SERVER, wheel) as server,
            Root(suite) as root,
            booted(root, folder / "machine.log", cable) as machine,
        ):
            units.prepare(machine, cable)
            first_boot(machine, card_for(server))
            engine = open_database(server.ledger_url)
            ledger = Ledger(engine, Registry(engine))
            measure(machine, ledger, cable)
            update_and_return(machine, server, wheel)
            assert ledger.check().holds, "the ledger does not verify"
            assert not list(ledger.quarantined(10)), "something was refused"
            engine.dispose()


def first_boot(machine: Machine, card: Path) -> None:
    """Put the card in and let it boot: first its own script, then the service that installs."""
    began = time.monotonic()
    put_in(machine, card)
    done = machine.root.inside("/opt/skolro/setup/done")
    waited(machine, done.exists, 600, "it was not installed")
    assert machine.unit(_SETUP, "Result") == "success"
    assert machine.unit(_SETUP, "NRestarts") == "0", machine.journal(_SETUP)
    said(machine, f"installed by its service in {time.monotonic() - began:.0f} s")
    # It can be run again, as after a power cut.
    machine.run("sh", "/opt/skolro/setup/install-node.sh")
    said(machine, machine.run("/opt/skolro/bin/skolro", "--version", user="skolro").strip())
    # Its status says whether every limit of the standards is kept.
    machine.run("/opt/skolro/bin/skolro", "sensor", "conformance", user="skolro")
    said(machine, "its meter conforms")
    time_servers = machine.run("chronyd", "-p", "-f", "/etc/chrony/chrony.conf")
    assert time_servers.count(".nts.netnod.se") >= 3, "chrony does not read its part"
    plugged_in.check(machine)
    said(machine, "udev names what is plugged in")


def measure(machine: Machine, ledger: Ledger, cable: Cable) -> None:
    """What its units do, and what they may do, until the cable is pulled and after it hangs."""
    said(machine, "enrolled, first message in the ledger", after=has_sent(ledger, machine, 1))
    units.check_system(machine)
    units.check_sandbox(machine)
    units.check_light(machine)
    said(machine, "its units may do what they must, and nothing else")
    if units.check_real_time(machine):
        said(machine, "the thread of its sound card goes first")
    else:
        said(machine, "real time was NOT tried: this machine gives none")
    lose_the_network(machine, ledger, cable)
    assert machine.unit(units.SENSOR, "NRestarts") == "0", machine.journal(units.SENSOR)
    units.hang(machine)
    before = ledger.acked_seqs([NODE])[NODE]
    said(machine, "hung, and started anew", after=has_sent(ledger, machine, before + 5))


def has_sent(ledger: Ledger, machine: Machine, count: int) -> int:
    """Wait until the ledger has `count` messages of the node in a row; how many it has."""

    def enough() -> bool:
        return ledger.acked_seqs([NODE]).get(NODE, 0) >= count

    waited(machine, enough, 120, f"not {count} messages")
    return ledger.acked_seqs([NODE])[NODE]


def waited(machine: Machine, holds: Callable[[], bool], timeout_s: float, what: str) -> None:
    """Wait until `holds()` is true; else say what the node's units said."""
    try:
        wait_for(holds, timeout_s, what)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{machine.journal('skolro-*')}") from error


def lose_the_network(machine: Machine, ledger: Ledger, cable: Cable) -> None:
    """Pull the cable for a while: what was measured meanwhile comes afterwards."""
    before = has_sent(ledger, machine, 5)
    cable.pull()
    time.sleep(20)
    at_most = ledger.acked_seqs([NODE])[NODE]
    assert at_most <= before + 5, "messages came through a cable that was pulled"
    cable.plug()
    said(machine, "network lost and back", after=has_sent(ledger, machine, at_most + 20))


def said(machine: Machine, text: str, after: int | None = None) -> None:
    """Print how far it is."""
    console.print(
        f"{machine.root.suite}: {text}" + ("" if after is None else f" ({after} messages)")
    )


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (AssertionError, SkolroError, subprocess.SubprocessError) as error:
        console.print(f"failed: {error}")
        sys.exit(1)
