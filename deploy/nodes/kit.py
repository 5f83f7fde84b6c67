"""What a node is given: a certificate that lets it in, and its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from collector.config import Fleet
from deploy.authority import Authority, write_file
from deploy.errors import DeployError
from deploy.fleet.keys import FleetKeys
from deploy.handover import hand_over
from deploy.nodes.microphones import Microphone
from sensor.updating.places import KEYS_FILE

CONFIG_FILE: Final = "node.toml"
TLS_FILES: Final = ("ca.pem", "client.pem", "client.key")

GEOMETRY: Final = (
    "distance_m", "distance_back_m", "distance_uncertainty_m", "spacing_m", "mic_height_m",
)  # fmt: skip
"""What is known of a place, by the names of ``[mounting]``."""

_CONFIG: Final = """\
# The node {node}. Written by skolro node add; changes here go on the next image.
node = "{node}"
data_dir = "/var/lib/skolro"

[broker]
host = "{host}"
port = {port}

[broker.tls]
ca_file = "ca.pem"
certificate_file = "client.pem"
key_file = "client.key"

[input]
kind = "microphone"
# What udev calls whatever records here; without it the system's default is taken.
device = "skolro"
channels = {channels}
# Peak pressure at digital full scale: {source}; calibrating corrects it.
full_scale_pa = {full_scale_pa}
{meter}
# The light on the board: a blink every 3 s measures, two blinks: no network, fast: a fault.
[light]
led = "ACT"
"""


_METER: Final = """
[meter]
# Its own noise and 3 dB: lower levels are flagged.
microphone_floor_db = {floor_db}
"""


class NodeKit:
    """The folder with what one node is given.

    Parameters
    ----------
    fleet : Fleet
        Where the folders and the authority are, and how nodes reach the broker.
    node : str
        Its id.
    """

    def __init__(self, fleet: Fleet, node: str) -> None:
        self._fleet = fleet
        self.node = node
        self.folder = Path(fleet.folder) / node

    @property
    def config_file(self) -> Path:
        """Its configuration."""
        return self.folder / CONFIG_FILE

    def certify(self) -> None:
        """Give it a certificate; one that it had before goes on until it is revoked.

        Raises
        ------
        DeployError
            There is no authority, or the folder cannot be written.
        """
        authority = Authority(Path(self._fleet.authority))
        hand_over(authority.issue_node(self.node), self.folder)

    def revoke(self) -> bool:
        """Have the broker refuse its certificates; whether it had any."""
        if not (self.folder / TLS_FILES[1]).exists():
            return False
        Authority(Path(self._fleet.authority)).revoke(self.node)
        return True

    def configure(
        self, geometry: Mapping[str, float | str], *, channels: int, microphone: Microphone
    ) -> None:
        """Write its configuration, unless there is one, which people may have changed."""
        if self.config_file.exists():
            return
        floor_db = microphone.floor_db
        text = _CONFIG.format(
            node=self.node,
            host=self._fleet.broker_host,
            port=self._fleet.broker_port,
            channels=channels,
            full_scale_pa=microphone.configured_pa,
            source=(
                f"of {microphone.name}"
                if microphone.full_scale_pa is not None
                else f"each {microphone.name} has its own, and this is a guess"
            ),
            meter="" if floor_db is None else _METER.format(floor_db=floor_db),
        )
        write_file(self.config_file, (text + _mounting(geometry)).encode(), 0o644)

    def files(self) -> dict[str, bytes]:
        """All of it by name.

        Raises
        ------
        DeployError
            Something is missing.
        """
        try:
            own = {name: (self.folder / name).read_bytes() for name in (CONFIG_FILE, *TLS_FILES)}
        except OSError as error:
            raise DeployError(
                f"{self.node} has no complete kit in {self.folder} ({error.strerror}: "
                f"{error.filename}): make one with skolro node replace {self.node}"
            ) from error
        keys = FleetKeys(Path(self._fleet.key_file))
        return own | ({KEYS_FILE: keys.card_file()} if keys.exists else {})

    @property
    def can_be_updated(self) -> bool:
        """Whether there is a key that says what the node runs."""
        return FleetKeys(Path(self._fleet.key_file)).exists


def _mounting(geometry: Mapping[str, float | str]) -> str:
    if not geometry:
        return "\n# [mounting] is missing: there will be no speeds.\n"
    lines = [f"{name} = {geometry[name]}" for name in GEOMETRY if name in geometry]
    return "\n[mounting]\n" + "\n".join(lines) + "\n"
