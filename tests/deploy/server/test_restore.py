"""A server that is gone, made again on an empty machine from what was kept of it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from collector.commands.backup import backup
from collector.commands.restore import restore
from collector.database.database import open_database
from collector.ledger.ledger import Ledger
from collector.registry.registry import Registry, Site
from deploy.authority import Authority
from sensor.config import Broker as NodeBroker
from sensor.contract.signature import public_key_text
from sensor.outbox import Outbox
from sensor.publisher import Publisher
from tests.deploy.server.made import run
from tests.deploy.server.running import RunningServer
from tests.peers import MOSQUITTO, health, wait_for
from tests.sensor.contract.samples import KEY

NODE = "ekskolan-1"

pytestmark = pytest.mark.skipif(
    MOSQUITTO is None and os.environ.get("CI") != "true", reason="mosquitto is not installed"
)


@pytest.fixture
def places() -> Iterator[Path]:
    """Where machines are."""
    with tempfile.TemporaryDirectory(prefix="skolro-restore-") as name:
        yield Path(name)


@contextmanager
def opened(server: RunningServer) -> Iterator[Ledger]:
    """The ledger, beside a collector that runs or not."""
    engine = open_database(server.ledger_url)
    try:
        yield Ledger(engine, Registry(engine))
    finally:
        engine.dispose()


def send(server: RunningServer, outbox: Outbox, count: int) -> None:
    """Let the node make so many messages, and send until all are acknowledged."""
    tls = Authority(server.folder / "authority").issue_node(NODE)
    publisher = Publisher(outbox, NodeBroker(host="localhost", port=server.broker_port, tls=tls))
    publisher.start(may_be_away=False)
    try:
        for _ in range(count):
            outbox.append(health(NODE, datetime.now(UTC)))
        publisher.wake()
        with opened(server) as ledger:
            wait_for(lambda: ledger.acked_seqs([NODE]).get(NODE) == outbox.last_seq, 60)
        wait_for(lambda: outbox.depth == 0, 60, "not all was acknowledged")
    finally:
        publisher.stop()


def test_what_came_after_the_copy_comes_again_from_the_nodes(places: Path) -> None:
    with Outbox(places / "outbox.sqlite", NODE, KEY) as outbox:
        lost = RunningServer(places / "lost", proxy=False)
        with opened(lost) as ledger:
            ledger.registry.add_site(Site(id="ekskolan", name="Ekskolan"))
            since = datetime(2020, 1, 1, tzinfo=UTC)
            ledger.registry.add_node(NODE, "ekskolan", public_key_text(KEY.public_key()), since)
        with lost:
            send(lost, outbox, 20)
            run(backup, places / "copy.sqlite", "--config", lost.config_file)
            send(lost, outbox, 15)
        # What docs/server.md tells to keep elsewhere.
        for name in ("authority", "evidence"):
            shutil.copytree(lost.folder / name, places / "new" / name)
        kept = (lost.folder / "evidence/evidence.key").read_bytes()
        shutil.rmtree(lost.folder)

        new = RunningServer(places / "new", proxy=False)
        assert (new.folder / "evidence/evidence.key").read_bytes() == kept
        run(restore, places / "copy.sqlite", "--replace", "--config", new.config_file)
        with opened(new) as ledger:
            assert ledger.counts().messages == 20
        with new:
            send(new, outbox, 5)
        with opened(new) as ledger:
            assert ledger.counts().messages == 40
            assert ledger.check().holds
            assert not list(ledger.quarantined(10))
