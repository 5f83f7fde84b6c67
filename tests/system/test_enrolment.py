"""From a card to messages in the ledger, through a broker that asks for certificates."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.database.database import open_database
from collector.ledger.ledger import Ledger
from collector.registry.registry import Registry
from deploy.authority import make_authority
from deploy.demo_folder import Table, toml
from deploy.mosquitto_config import access_list, broker_config, write_broker
from deploy.processes import Child, end_together
from tests.peers import MOSQUITTO, free_port, wait_for
from tests.system.chain import skolro

SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJ1dCB0aGlzIGlzIG5vIGtleSBvZiBhbnlib2R5"


class Town:
    """A server with its broker, and cards for its nodes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.children: list[Child] = []

    def start(self) -> None:
        """Make the authority, the broker and the collector, as an administrator would."""
        authority = make_authority(self.folder / "authority")
        broker_port, http_port = free_port(), free_port()
        own = authority.issue_collector()
        (self.folder / "broker-data").mkdir()
        path = write_broker(
            self.folder / "broker",
            authority,
            ["127.0.0.1"],
            broker_config(
                self.folder / "broker",
                self.folder / "broker-data",
                port=broker_port,
                address="127.0.0.1",
                user=getpass.getuser(),
            ),
            access_list(),
        )
        tables: dict[str, Table] = {
            "": {"ledger": "sqlite:///ledger.sqlite"},
            "broker": {"host": "127.0.0.1", "port": broker_port},
            "broker.tls": {
                "ca_file": own.ca_file,
                "certificate_file": own.certificate_file,
                "key_file": own.key_file,
            },
            "http": {"port": http_port},
            "fleet": {
                "authority": "authority", "broker_host": "127.0.0.1", "broker_port": broker_port,
            },
        }  # fmt: skip
        (self.folder / "collector.toml").write_text(toml(tables))
        (self.folder / "anna.pub").write_text(SSH_KEY)
        (self.folder / "skolro-0.1.0-py3-none-any.whl").write_bytes(b"not installed here")
        self.child("broker", str(MOSQUITTO), "-c", str(path))
        self.skolro("site", "add", "ekskolan", "--name", "Ekskolan")
        collector = self.child("collector", *skolro("collector", "serve", *self.config))
        collector.await_ready(lambda: "pages and API" in collector.log.read_text(), within_s=60)

    @property
    def config(self) -> tuple[str, str]:
        return "--config", str(self.folder / "collector.toml")

    def child(self, name: str, *command: str) -> Child:
        made = Child(name, command, self.folder / f"{name}.log")
        self.children.append(made)
        return made

    def skolro(self, *arguments: str) -> str:
        ended = subprocess.run(
            skolro(*arguments, *self.config), capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def card(self, name: str) -> Path:
        """The card of ekskolan-1."""
        card = self.folder / name
        self.skolro(
            "node", "image", "ekskolan-1", "--out", str(card),
            "--ssh-key", str(self.folder / "anna.pub"),
            "--wheel", str(self.folder / "skolro-0.1.0-py3-none-any.whl"),
        )  # fmt: skip
        return card

    def boot(self, card: Path, name: str) -> Child:
        """Let a computer start from `card`, and hear a simulated street."""
        root = self.folder / name
        (root / "etc/systemd/system").mkdir(parents=True)
        subprocess.run(["sh", card / "skolro/first-boot.sh", root], check=True)
        config = root / "etc/skolro/node.toml"
        text = config.read_text().replace("/var/lib/skolro", str(root / "var/lib/skolro"))
        head, _, _ = text.partition("[input]")
        config.write_text(head + '[input]\nkind = "street"\n[levels]\nbatch_s = 1\n')
        return self.child(name, *skolro("sensor", "run", "--config", str(config)))


@pytest.fixture
def town() -> Iterator[Town]:
    if MOSQUITTO is None and os.environ.get("CI") != "true":
        pytest.skip("mosquitto is not installed")
    with tempfile.TemporaryDirectory(prefix="skolro-enrol-") as name:
        made = Town(Path(name))
        try:
            made.start()
            yield made
        finally:
            end_together(made.children[::-1], within_s=15)


def test_a_card_makes_one_node_and_no_second(town: Town) -> None:
    town.skolro("node", "add", "ekskolan-1", "--site", "ekskolan", "--distance", "6")
    card = town.card("card")
    shutil.copytree(card, town.folder / "copied-card")
    engine = open_database(f"sqlite:///{town.folder / 'ledger.sqlite'}")
    ledger = Ledger(engine, Registry(engine))

    first = town.boot(card, "first")
    wait_for(lambda: ledger.acked_seqs(["ekskolan-1"]), 60, first.log.read_text())
    wait_for(lambda: "accepted this node's key" in first.log.read_text(), 20)
    assert not (town.folder / "first/var/lib/skolro/enrolment.secret").exists()
    (key,) = ledger.registry.keys_of("ekskolan-1")
    first.terminate()
    first.join(20)

    copy = town.boot(town.folder / "copied-card", "second")
    wait_for(lambda: "its secret was used before" in copy.log.read_text(), 60, "nothing was said")
    copy.terminate()
    copy.join(20)
    assert ledger.registry.keys_of("ekskolan-1") == (key,)
    reasons = {item.reason for item in ledger.quarantined(100)}
    assert reasons <= {"unknown_key"}

    # New hardware goes on where the old has ended.
    before = ledger.node_states()["ekskolan-1"].highest_seq
    town.skolro("node", "replace", "ekskolan-1")
    third = town.boot(town.card("new-card"), "third")
    wait_for(
        lambda: ledger.node_states()["ekskolan-1"].acked_seq > before, 60, third.log.read_text()
    )
    old, new = sorted(ledger.registry.keys_of("ekskolan-1"), key=lambda one: one.since)
    assert old.revoked_at is not None
    assert new.revoked_at is None
    assert ledger.check().holds
    engine.dispose()
