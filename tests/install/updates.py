"""A node gets an update, a bad update, and configurations, and returns from what does not work."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Final

from deploy.fleet.keys import FleetKeys
from deploy.fleet.wishing import Wisher
from sensor.contract.fleet import WantedConfig
from tests.fleet import Fleet
from tests.install.card import NODE
from tests.install.machine import Machine
from tests.stand_in import same_with
from tests.system.server import Server

_DEAF: Final = b"""

_process = Station.process


def _deaf(self: Station, block: AudioBlock) -> None:
    self._date(block)


Station.process = _deaf
"""


def update_and_return(machine: Machine, server: Server, wheel: Path) -> None:
    """All of it, as an administrator would do it, one after the other."""
    version = machine.run(
        "python3", "-c", "import sys; print(*sys.version_info[:2], sep='')"
    ).strip()
    target = f"cp{version}-x86_64"
    station = (Path(__file__).parents[2] / "sensor" / "station.py").read_bytes()
    for number, changes in (("0.2.0", {}), ("0.3.0", {"sensor/station.py": station + _DEAF})):
        made = same_with(wheel, server.folder, number, changes)
        print_last(
            machine, server.skolro("fleet", "release", "make", str(made), "--target", target)
        )

    def logs() -> str:
        return machine.journal("skolro-*")

    with closing(Fleet(server.ledger_url, NODE, logs)) as fleet:
        fleet.ready()
        _update(machine, server, fleet)
        _bad_update(machine, server, fleet)
        _configurations(machine, server, fleet)
    node = machine.root.inside("/opt/skolro/node")
    assert (node / "current").readlink().name.startswith("0.2.0-")
    releases = list((node / "releases").iterdir())
    assert len(releases) == 1, releases


def _update(machine: Machine, server: Server, fleet: Fleet) -> None:
    before = fleet.node()["version"]
    server.skolro("fleet", "update", "0.2.0", "--stage", "first")
    node = fleet.answered(1)
    assert (before, node["state"], node["version"]) == ("0.1.0", "current", "0.2.0"), node
    print_last(machine, "updated from 0.1.0 to 0.2.0")


def _bad_update(machine: Machine, server: Server, fleet: Fleet) -> None:
    assert fleet.ended() == "done"
    server.skolro("fleet", "update", "0.3.0")
    node = fleet.answered(2)
    assert node["state"] == "returned", node
    assert fleet.runs("0.2.0")["state"] == "returned"
    assert "release 0.3.0: it measured for 0 s only" in node["reason"], node
    assert fleet.ended() == "stopped"
    print_last(machine, f"returned to 0.2.0: {node['reason']}")


def _configurations(machine: Machine, server: Server, fleet: Fleet) -> None:
    config = server.folder / "nodes" / NODE / "node.toml"
    text = config.read_text()
    head, _, rest = text.partition("[input]\n")
    # One that the server believes in, as of another version than the node's.
    toml = text + "[hearing]\nsharp = true\n"
    wanted = WantedConfig(version=1, toml=toml)
    fleet.wishes.add(Wisher(FleetKeys(server.folder / "fleet.key")).next(
        NODE, fleet.wishes.of(NODE), wanted
    ))  # fmt: skip
    node = fleet.answered(3)
    assert (node["state"], node["config_version"]) == ("refused", 0), node
    assert "hearing is not a known key" in node["reason"], node
    print_last(machine, f"refused: {node['reason']}")
    deaf = server.folder / "deaf.toml"
    deaf.write_text(
        f'{head}[input]\nkind = "microphone"\ndevice = "nothing"\n{rest.partition(chr(10))[2]}'
    )
    server.skolro("fleet", "configure", NODE, "--file", str(deaf))
    node = fleet.answered(4)
    assert (node["state"], node["config_version"]) == ("returned", 0), node
    print_last(machine, f"returned: {node['reason']}")
    config.write_text(f"health_s = 30\n{text}")
    server.skolro("fleet", "configure", NODE)
    node = fleet.answered(5)
    assert (node["state"], node["config_version"], node["version"]) == ("current", 3, "0.2.0"), node
    print_last(machine, "measures with the configuration that it was sent")


def print_last(machine: Machine, text: str) -> None:
    """Print how far it is."""
    print(f"{machine.root.suite}: {text.strip()}", flush=True)  # noqa: T201
