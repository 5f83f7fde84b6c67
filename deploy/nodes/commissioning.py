"""What lets a phone in at a node that nobody has logged in to: a code, and a network of its own."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from typing import Final

import msgspec

from deploy.nodes.image import Wifi
from sensor.commissioning.opening import new_code, opening_for

OPENING_FILE: Final = "commissioning.secret"
ACCESS_POINT_FILE: Final = "access-point.secret"
CONNECTION: Final = "skolro-setup"
ADDRESS: Final = "http://10.42.0.1:8090/"
"""Where NetworkManager puts a node that shares its network, and the page of one as configured."""

FIRST_MINUTES: Final = 24 * 60.0
"""Running time from the first start on in which the code of the card holds."""

_ACCESS_POINT: Final = """\
[connection]
id={connection}
type=wifi
interface-name=wlan0

[wifi]
mode=ap
ssid={wifi.ssid}

[wifi-security]
key-mgmt=wpa-psk
proto=rsn
pairwise=ccmp
group=ccmp
psk={wifi.key}

[ipv4]
method=shared

[ipv6]
method=disabled
"""


@dataclass(frozen=True, slots=True)
class FirstCommissioning:
    """What goes on the card, and what whoever mounts the node is told.

    Attributes
    ----------
    code : str
        Lets one phone in, once.
    access_point : Wifi, optional
        The node's own network.
    """

    code: str
    access_point: Wifi | None

    @classmethod
    def of(cls, node: str, country: str, *, access_point: bool) -> FirstCommissioning:
        """Make a new one."""
        if not access_point:
            return cls(new_code(), None)
        passphrase = base64.b32encode(secrets.token_bytes(10)).decode().lower()
        # At most 32 bytes.
        network = Wifi(ssid=f"skolro-{node[:25]}", passphrase=passphrase, country=country)
        return cls(new_code(), network)

    def files(self) -> dict[str, bytes]:
        """By name; neither code nor passphrase is in them."""
        opening = opening_for(self.code, FIRST_MINUTES)
        files = {OPENING_FILE: msgspec.json.encode(opening)}
        if self.access_point is not None:
            text = _ACCESS_POINT.format(connection=CONNECTION, wifi=self.access_point)
            files[ACCESS_POINT_FILE] = text.encode()
        return files

    def told(self) -> str:
        """What to hand to whoever mounts the node."""
        text = (
            f"Commissioning: the code {self.code} lets one phone in during the first "
            f"{FIRST_MINUTES / 60:g} hours that the node runs"
        )
        if self.access_point is None:
            return f"{text}."
        return (
            f"{text}, in its own network {self.access_point.ssid} (passphrase "
            f"{self.access_point.passphrase}), at {ADDRESS}. Remove the network afterwards: sudo "
            f"nmcli connection delete {CONNECTION}."
        )
