"""A node's card, made on a server and put into a fresh Debian."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from tests.install.machine import Machine
from tests.install.root import Root
from tests.system.server import Server

NODE: Final = "ekskolan-1"

_FIRMWARE: Final = "/boot/firmware"
# There is no microphone in here.
_HEARS: Final = '[input]\nkind = "street"\n[levels]\nbatch_s = 1\n[light]\n'


def card_for(server: Server) -> Path:
    """The card of a node that can be updated, hears a simulated street and shows how it is."""
    server.skolro("node", "add", NODE, "--site", "ekskolan", "--distance", "6")
    server.skolro("fleet", "key", "--make")
    config = server.folder / "nodes" / NODE / "node.toml"
    head, _, _ = config.read_text().partition("[input]")
    config.write_text(head + _HEARS)
    return server.card("card")


def put_in(debian: Machine | Root, card: Path) -> None:
    """Let the card's own script take from it what nobody may find there."""
    root = debian.root if isinstance(debian, Machine) else debian
    firmware = root.inside(_FIRMWARE)
    shutil.copytree(card, firmware)
    debian.run("sh", f"{_FIRMWARE}/skolro/first-boot.sh")
    assert not (firmware / "skolro/client.key").exists(), "the key is still on the card"
