"""``python -m tests.install.readonly``: a node with a read-only root, whose power is cut.

A card is made, and started in a computer of its own (QEMU, without a window): cloud-init reads what
``skolro node image`` wrote, the node prepares its root and starts anew.  What is written to the
root must be gone after the next start, and nothing of it on the card; what the node keeps must be
there whenever the power is cut.  The node's packages are installed before, from outside, as
``python -m tests.install`` does from inside: an emulated pip takes most of the time there is.
Upgrades of the system are tried in one that does not run.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from collector.database.database import open_database
from collector.ledger.ledger import Ledger
from collector.registry.registry import Registry
from tests.install import upgrades
from tests.install.card_image import BOOT, Card, card_of, system
from tests.install.computer import MEMORY_MB, Computer
from tests.install.root import built, finished
from tests.peers import wait_for
from tests.system.server import Server

NODE: Final = "ekskolan-1"
SERVER: Final = "198.18.44.1"
CUTS: Final = 3
_SUITE: Final = "trixie"
_ROOT_PART, _DATA_PART = 1, 2
_LOOK: Final = (
    'import sqlite3; outbox = sqlite3.connect("/var/lib/skolro/outbox.sqlite"); '
    'print(outbox.execute("PRAGMA integrity_check").fetchone()[0], '
    '*outbox.execute("SELECT next_seq - 1, acked_seq FROM chain").fetchone())'
)
"""As a program in there reads it: only what is committed."""

console = Console()


def main() -> int:
    """Make the card, and tell how far it came."""
    if os.geteuid() != 0:
        console.print("This needs root: sudo make test-install")
        return 2
    with system(_SUITE) as root:
        upgrades.check(root)
    said("a package is upgraded by two starts, and the root is read-only again")
    with tempfile.TemporaryDirectory(prefix="skolro-readonly-") as name, address():
        folder = Path(name)
        folder.chmod(0o755)
        wheel = built(folder)
        with Server(folder, SERVER, wheel) as server:
            server.skolro("node", "add", NODE, "--site", "ekskolan", "--distance", "6")
            server.skolro("fleet", "key", "--make")
            listen_to_a_street(server)
            computer = Computer(folder)
            shutil.copy(computer.public_key, folder / "anna.pub")
            computer.card = installed(server, folder)
            try:
                Story(server, computer).all()
            except AssertionError as error:
                raise AssertionError(f"{error}\n{computer.console()}") from error
            finally:
                computer.off()
    console.print("all is well")
    return 0


@contextmanager
def address() -> Iterator[None]:
    """An address for the server that the computer's network leads to."""
    # A run that was ended in its midst leaves it behind.
    finished(["ip", "address", "replace", f"{SERVER}/32", "dev", "lo"])
    try:
        yield
    finally:
        finished(["ip", "address", "delete", f"{SERVER}/32", "dev", "lo"])


def listen_to_a_street(server: Server) -> None:
    """Have the node hear a simulated street, and say each second of it at once."""
    config = server.folder / "nodes" / NODE / "node.toml"
    head, _, _ = config.read_text().partition("[input]")
    config.write_text(f'health_s = 30\n{head}[input]\nkind = "street"\n[levels]\nbatch_s = 1\n')


def installed(server: Server, folder: Path) -> Card:
    """A card with a system that was never started, and the node's packages unpacked in it."""
    began = time.monotonic()
    boot = folder / "boot"
    with system(_SUITE) as root:
        card_files = server.card("card", "--root", "read-only")
        shutil.copytree(card_files, root.inside(BOOT), dirs_exist_ok=True)
        root.run("sh", f"{BOOT}/skolro/first-boot.sh")
        root.run("sh", "/opt/skolro/setup/install-node.sh")
        shutil.move(root.inside(BOOT), boot)
        root.inside(BOOT).mkdir()
        card = card_of(root, boot, folder / "card.img")
    said("a card was written", began)
    return card


class Story:
    """What happens to the node, one after the other.

    Parameters
    ----------
    server : Server
        Its server.
    computer : Computer
        It.
    """

    def __init__(self, server: Server, computer: Computer) -> None:
        self._server = server
        self._computer = computer
        self._engine = open_database(server.ledger_url)
        self._ledger = Ledger(self._engine, Registry(self._engine))

    def all(self) -> None:
        """From the first start to the last message."""
        self.first_start()
        self.nothing_is_written_to_the_root()
        self.power_is_cut()
        assert self._ledger.check().holds, "the ledger does not verify"
        assert not list(self._ledger.quarantined(10)), "something was refused"
        self._engine.dispose()

    def first_start(self) -> None:
        """cloud-init, the setup, the partition: it restarts by itself, and is a node."""
        began = time.monotonic()
        self._computer.start()
        self._computer.await_end(900)
        sizes = [size for _, size in self._computer.card.partitions()]
        assert len(sizes) == 3, sizes
        assert sizes[_ROOT_PART] == 8 << 30, sizes
        said("prepared", began)
        began = time.monotonic()
        self._computer.start()
        self._computer.await_login()
        self._has_sent(1)
        said("started with a read-only root, first message in the ledger", began)

    def nothing_is_written_to_the_root(self) -> None:
        """The root is an overlay over a part of the card that was not written to at all."""
        run = self._computer.run
        assert run("findmnt -no FSTYPE /").strip() == "overlay"
        assert "ro" in run("findmnt -no OPTIONS /media/root-ro").strip().split(",")
        assert "ro" in run(f"findmnt -no OPTIONS {BOOT}").strip().split(",")
        assert run("findmnt -no FSTYPE /data").strip() == "ext4"
        bound_kb = int(run("findmnt -bno SIZE /media/root-rw")) / 1024
        assert bound_kb <= 0.15 * MEMORY_MB * 1024, f"{bound_kb} kB"
        failed = run("systemctl --failed --plain --no-legend")
        assert not failed.strip(), failed
        run("echo gone > /etc/gone; echo gone > /usr/local/gone; echo stays > /data/stays")
        self._computer.ssh("echo stays > stays")
        run("printf 'network: {version: 2, ethernets: {eth7: {dhcp4: true}}}' "
            "> /etc/netplan/90-school.yaml; chmod 600 /etc/netplan/90-school.yaml")  # fmt: skip
        run("sync")
        written = run("cat /sys/class/block/vda2/stat").split()[6]
        assert written == "0", f"{written} sectors were written to the root's part of the card"
        health = self._health()
        assert health["root"] == "read_only", health
        assert 0 < health["root_used_share"] < 0.5, health
        said(f"read-only: 0 sectors written, {health['root_used_share']:.1%} of its memory used")

    def power_is_cut(self) -> None:
        """While the network is away, so that nobody else has what is not on the card."""
        finished(["ip", "address", "delete", f"{SERVER}/32", "dev", "lo"])
        before = self._kept()
        for _ in range(CUTS):
            committed, acked = self._outbox()
            committed = self._written(committed + 3)
            time.sleep(random.uniform(0, 2))  # noqa: S311 - no secret
            self._computer.cut_power()
            faults = self._computer.card.faults(_DATA_PART)
            assert not faults, faults
            self._computer.start()
            self._computer.await_login()
            now, acked_now = self._outbox()
            assert now >= committed, f"{committed} was on the card, {now} is"
            assert acked_now >= acked
            assert self._kept() == before
            self._only_the_root_is_as_before()
            said(f"power cut: {now - acked_now} messages wait, none is lost")
        waiting, _ = self._outbox()
        finished(["ip", "address", "add", f"{SERVER}/32", "dev", "lo"])
        self._has_sent(waiting)
        assert not list(self._ledger.gaps(NODE)), "the ledger misses some"
        said(f"network back: all {waiting} messages are in the ledger")

    def _only_the_root_is_as_before(self) -> None:
        there = self._computer.run("ls /etc/gone /usr/local/gone 2>/dev/null || true")
        assert not there, there
        assert self._computer.run("cat /data/stays").strip() == "stays"
        assert self._computer.ssh("cat stays").strip() == "stays"
        profiles = self._computer.run("nmcli -t -f NAME connection show")
        assert "netplan-eth7" in profiles, profiles

    def _kept(self) -> dict[str, str]:
        """What must never change: who the node is, and what it was told."""
        files = (
            "/etc/machine-id /etc/skolro/node.toml /etc/skolro/client.key /var/lib/skolro/node.key "
            "/etc/ssh/ssh_host_ed25519_key.pub /opt/skolro/bin/skolro /etc/netplan/90-school.yaml "
            "/var/lib/cloud/data/instance-id"
        )
        lines = self._computer.run(f"sha256sum {files}").splitlines()
        found = {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}
        found["cloud-init"] = self._computer.run(
            "stat -c %Y /var/lib/cloud/instance/sem/config_runcmd"
        ).strip()
        return found

    def _outbox(self) -> tuple[int, int]:
        """Last number that is on the card, and how far the server has acknowledged."""
        told = self._computer.run(f"python3 -c '{_LOOK}'").split()
        assert told[0] == "ok", told
        return int(told[1]), int(told[2])

    def _written(self, least: int) -> int:
        """Wait until so many are on the card; how many are."""
        wait_for(lambda: self._outbox()[0] >= least, 120, "it has fallen silent")
        return self._outbox()[0]

    def _has_sent(self, count: int) -> None:
        wait_for(
            lambda: self._ledger.acked_seqs([NODE]).get(NODE, 0) >= count,
            300, f"not {count} messages came",
        )  # fmt: skip

    def _health(self) -> Mapping[str, Any]:
        def told() -> Mapping[str, Any] | None:
            state = self._ledger.node_states().get(NODE)
            health = None if state is None else state.health
            return health if health is not None and "root_used_share" in health else None

        found: Mapping[str, Any] = wait_for(told, 120, "the node tells nothing of its root")
        return found


def said(text: str, began: float | None = None) -> None:
    """Print how far it is."""
    took = "" if began is None else f" ({time.monotonic() - began:.0f} s)"
    console.print(f"readonly: {text}{took}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except AssertionError as error:
        console.print(f"failed: {error}", markup=False)
        sys.exit(1)
