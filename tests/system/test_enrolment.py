"""From a card to messages in the ledger, through a broker that asks for certificates."""

from __future__ import annotations

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
from deploy.processes import Child
from tests.peers import MOSQUITTO, wait_for
from tests.system.chain import skolro
from tests.system.server import Server


def boot(server: Server, card: Path, name: str) -> Child:
    """Let a computer start from `card`, and hear a simulated street."""
    root = server.folder / name
    (root / "etc/systemd/system").mkdir(parents=True)
    subprocess.run(["sh", card / "skolro/first-boot.sh", root], check=True)
    config = root / "etc/skolro/node.toml"
    text = config.read_text().replace("/var/lib/skolro", str(root / "var/lib/skolro"))
    head, _, _ = text.partition("[input]")
    config.write_text(head + '[input]\nkind = "street"\n[levels]\nbatch_s = 1\n')
    return server.child(name, *skolro("sensor", "run", "--config", str(config)))


@pytest.fixture
def server() -> Iterator[Server]:
    if MOSQUITTO is None and os.environ.get("CI") != "true":
        pytest.skip("mosquitto is not installed")
    # mosquitto gives up root for its own user, who must be able to get here.
    with tempfile.TemporaryDirectory(prefix="skolro-enrol-") as name, Server(Path(name)) as made:
        yield made


def test_a_card_makes_one_node_and_no_second(server: Server) -> None:
    server.skolro("node", "add", "ekskolan-1", "--site", "ekskolan", "--distance", "6")
    card = server.card("card")
    shutil.copytree(card, server.folder / "copied-card")
    engine = open_database(server.ledger_url)
    ledger = Ledger(engine, Registry(engine))

    first = boot(server, card, "first")
    wait_for(lambda: ledger.acked_seqs(["ekskolan-1"]), 60, first.log.read_text())
    wait_for(lambda: "accepted this node's key" in first.log.read_text(), 20)
    assert not (server.folder / "first/var/lib/skolro/enrolment.secret").exists()
    (key,) = ledger.registry.keys_of("ekskolan-1")
    first.terminate()
    first.join(20)

    copy = boot(server, server.folder / "copied-card", "second")
    wait_for(lambda: "its secret was used before" in copy.log.read_text(), 60, "nothing was said")
    copy.terminate()
    copy.join(20)
    assert ledger.registry.keys_of("ekskolan-1") == (key,)
    reasons = {item.reason for item in ledger.quarantined(100)}
    assert reasons <= {"unknown_key"}

    # New hardware goes on where the old has ended.
    before = ledger.node_states()["ekskolan-1"].highest_seq
    server.skolro("node", "replace", "ekskolan-1")
    third = boot(server, server.card("new-card"), "third")
    wait_for(
        lambda: ledger.node_states()["ekskolan-1"].acked_seq > before, 60, third.log.read_text()
    )
    old, new = sorted(ledger.registry.keys_of("ekskolan-1"), key=lambda one: one.since)
    assert old.revoked_at is not None
    assert new.revoked_at is None
    assert ledger.check().holds
    engine.dispose()
