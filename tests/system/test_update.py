"""A node is updated over a line that breaks, and returns from what does not work.

Real processes, a real broker with TLS, a real collector. Only what would take pip minutes is small:
the release is a stand-in that runs this tree.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from deploy.commands.fleet_configure import fleet_configure
from deploy.commands.fleet_key import fleet_key
from deploy.commands.fleet_release import release_make
from deploy.commands.fleet_update import fleet_update
from deploy.commands.node_add import node_add
from deploy.processes import Child
from sensor.contract.fleet import target_of
from sensor.updating.places import Places
from sensor.updating.software import COMPLETE
from tests.bad_line import BadLine
from tests.deploy.commands.test_nodes import run
from tests.fleet import Fleet
from tests.node_services import NodeServices
from tests.peers import MOSQUITTO
from tests.stand_in import ROOT, stand_in
from tests.system.chain import skolro
from tests.system.server import Server

NODE = "ekskolan-1"


class Node:
    """A node in a folder, installed from its card as install-node.sh does it."""

    def __init__(self, folder: Path, server: Server) -> None:
        self._server = server
        self.places = Places(
            folder / "node", folder / "etc/node.toml", folder / "state", folder / "run"
        )
        self.silent_s = 300.0
        self._install(folder)

    def _install(self, folder: Path) -> None:
        places, data = self.places, folder / "data"
        release = places.releases / "1.0"
        for path in (release / "bin", places.configs, places.state, places.exchange, data):
            path.mkdir(parents=True)
        program = release / "bin" / "skolro"
        program.write_text(f'#!/bin/sh\ncd {ROOT}\nexec {" ".join(skolro())} "$@"\n')
        program.chmod(0o755)
        (release / COMPLETE).touch()
        places.current.symlink_to(release)
        places.good.symlink_to(release)
        kit = self._server.folder / "nodes" / NODE / "node.toml"
        head, _, _ = kit.read_text().partition("[input]")
        kit.write_text(
            head.replace("/var/lib/skolro", str(data))
            + '[input]\nkind = "street"\n[levels]\nbatch_s = 1\n'
        )
        card = self._server.card("card") / "skolro"
        shutil.copytree(card, places.config.parent)
        shutil.move(places.config.with_name("enrolment.secret"), data)
        shutil.move(places.config, places.configs / "card.toml")
        places.current_config.symlink_to("card.toml")
        places.config.symlink_to(places.current_config)

    def services(self) -> NodeServices:
        """What starts its processes."""
        return NodeServices(self.places.exchange, self._sensor, self._updater)

    def _sensor(self) -> Child:
        program = str(self.places.current / "bin" / "skolro")
        options = ("--config", str(self.places.config), "--exchange", str(self.places.exchange))
        return self._server.child("node", program, "sensor", "run", *options)

    def _updater(self) -> Child:
        program = str(self.places.good / "bin" / "skolro")
        return self._server.child(
            "updater", program, "sensor", "update", "--config", str(self.places.config),
            "--program", str(self.places.program), "--state", str(self.places.state),
            "--exchange", str(self.places.exchange),
            "--measured-s", "1", "--silent-s", str(self.silent_s), "--unheard-s", "120",
        )  # fmt: skip

    def logs(self) -> str:
        """The end of what they wrote."""
        logs = [self._server.folder / f"{name}.log" for name in ("node", "updater", "collector")]
        return "\n".join(f"{log.name}: {log.read_text()[-2000:]}" for log in logs if log.exists())


def asked(server: Server, command: Callable[..., None], *arguments: str | Path) -> str:
    """Run a command of the server's in this process, which costs less than one of its own."""
    return run(command, *arguments, "--config", server.folder / "collector.toml")


@pytest.mark.skipif(
    MOSQUITTO is None and os.environ.get("CI") != "true", reason="mosquitto is not installed"
)
def test_a_node_is_updated_over_a_bad_line_and_returns_from_a_bad_configuration(
    tmp_path: Path,
) -> None:
    tmp_path.chmod(0o755)
    with Server(tmp_path) as server, BadLine(tmp_path / "releases") as line:
        config = tmp_path / "collector.toml"
        text = config.read_text()
        (urls,) = (one for one in text.splitlines() if one.startswith("release_urls"))
        config.write_text(text.replace(urls, f'release_urls = ["{line.url}"]'))
        asked(server, node_add, NODE, "--site", "ekskolan", "--distance", "6")
        asked(server, fleet_key, "--make")
        node = Node(tmp_path / "home", server)
        with closing(Fleet(server.ledger_url, NODE, node.logs)) as fleet, node.services():
            fleet.ready()
            lock = server.folder / "empty.lock"
            lock.touch()
            wheel = stand_in(server.folder, "2.0")
            asked(server, release_make, wheel, "--target", target_of(), "--lock", lock)
            # It breaks after so many bytes: only a manifest comes as a whole.
            line.breaks_after = 900
            asked(server, fleet_update, "2.0")
            said = fleet.answered(1)
            assert (said["state"], said["reason"]) == ("current", ""), node.logs()
            assert node.places.current.readlink().name.startswith("2.0-")
            assert node.places.good.readlink() == node.places.current.readlink()
            assert fleet.ended() == "done"
            assert any(begin for _, begin in line.asked), line.asked

            # It would start with that, and hear nothing: what worked before runs again.
            node.silent_s = 8.0
            kit = server.folder / "nodes" / NODE / "node.toml"
            deaf = kit.with_name("deaf.toml")
            street = 'kind = "street"'
            deaf.write_text(
                kit.read_text().replace(street, 'kind = "microphone"\ndevice = "none of that name"')
            )
            asked(server, fleet_configure, NODE, "--file", deaf)
            said = fleet.answered(2)
            assert (said["state"], said["config_version"]) == ("returned", 0), node.logs()
            assert said["reason"] == "configuration 1: it did not start"
            assert street in node.places.config.read_text()
