"""The demo's MQTT broker: mosquitto where it is installed, else iotcore's; on loopback only."""

from __future__ import annotations

import getpass
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from deploy.errors import DeployError
from deploy.processes import Child, free_port, listens
from sensor.contract.codec import MAX_PAYLOAD_BYTES

# Debian puts mosquitto where a plain user's PATH does not look.
_SBIN = "/usr/sbin"

_MOSQUITTO = """\
listener {port} 127.0.0.1
allow_anonymous true
user {user}
persistence true
persistence_location {folder}/
autosave_interval 10
max_inflight_messages 0
max_queued_messages 0
max_packet_size {packet_bytes}
"""

_IOTCORE = """\
id = 0

[router]
id = 0
max_connections = 1000
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10

[v5.demo]
name = "demo"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1

[v5.demo.connections]
connection_timeout_ms = 60000
max_payload_size = {packet_bytes}
max_inflight_count = 500
dynamic_filters = true
"""


class DemoBroker:
    """An MQTT 5 broker as a child process, on a port that was free.

    Raises
    ------
    DeployError
        Neither broker is installed, or it does not start.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.name, template, suffix, command = _choose()
        path = folder / f"{self.name}{suffix}"
        text = template.format(
            port=self.port,
            folder=folder.resolve(),
            packet_bytes=2 * MAX_PAYLOAD_BYTES,
            # Started by root, mosquitto would become a user that may not write here.
            user=getpass.getuser(),
        )
        path.write_text(text, encoding="utf-8")
        self.child = Child(f"the broker {self.name}", [*command, str(path)], folder / "broker.log")
        try:
            self.child.await_ready(lambda: listens(self.port), within_s=15)
        except DeployError:
            self.child.join(0)
            raise


def _choose() -> tuple[str, str, str, list[str]]:
    mosquitto = shutil.which("mosquitto") or shutil.which("mosquitto", path=_SBIN)
    if mosquitto:
        return "mosquitto", _MOSQUITTO, ".conf", [mosquitto, "-c"]
    if find_spec("iotcore"):
        return "iotcore", _IOTCORE, ".toml", [sys.executable, "-m", "deploy.iotcore_broker"]
    raise DeployError(
        "the demo needs an MQTT broker: apt install mosquitto, or pip install iotcore"
    )
