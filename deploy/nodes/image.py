"""What goes on the boot partition of a card, so that a Raspberry Pi becomes a node by itself.

Raspberry Pi OS Trixie reads ``user-data``, ``network-config`` and ``meta-data`` (cloud-init's
NoCloud); Bookworm runs ``firstrun.sh``, named on its kernel command line. Both then do the same:
``skolro/first-boot.sh`` takes the node's files off the partition, which anybody can read, and sets
up a service that installs the node as soon as there is a network, again and again until it is
done.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from deploy.authority import write_file
from deploy.errors import DeployError

IMAGE_FILES: Final = Path(__file__).parents[1] / "image"
ENROLMENT_FILE: Final = "enrolment.secret"
ADMINISTRATOR: Final = "skolro-admin"
FOLDER: Final = "skolro"
"""On the boot partition."""

READ_ONLY_FILE: Final = "read-only-root"
"""In that folder: its being there asks for a root that is read-only."""

_BOOT: Final = "/boot/firmware"
_SSH_KEY: Final = re.compile(
    r"(?:ssh-(?:ed25519|rsa)|ecdsa-\S+|sk-\S+) [A-Za-z0-9+/=]+(?: [^\n]*)?"
)
_APN: Final = re.compile(r"[A-Za-z0-9.-]{1,100}")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_PSK_ROUNDS: Final = 4096
_I2S: Final = b"""\
# One or two I2S microphones; first-boot.sh lets config.txt include this.
dtparam=i2s=on
dtoverlay=googlevoicehat-soundcard
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wifi:
    """A wireless network; the passphrase is never written, only the key that follows from it."""

    ssid: str
    passphrase: str
    country: str = "SE"

    def __post_init__(self) -> None:
        if not 1 <= len(self.ssid.encode()) <= 32:
            raise DeployError("the name of a wireless network has 1 to 32 bytes")
        if not 8 <= len(self.passphrase) <= 63 or not self.passphrase.isascii():
            raise DeployError(f"the passphrase of {self.ssid} must have 8 to 63 ASCII characters")
        if not _COUNTRY.fullmatch(self.country):
            raise DeployError(f"{self.country!r} is no country: write it as SE")

    @property
    def key(self) -> str:
        """The pre-shared key (IEEE 802.11i, annex H.4) as 64 hexadecimal digits."""
        made = hashlib.pbkdf2_hmac(
            "sha1", self.passphrase.encode(), self.ssid.encode(), _PSK_ROUNDS, 32
        )
        return made.hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """How a node's computer is set up.

    Attributes
    ----------
    node : str
        Its id, and its name in the network.
    ssh_keys : sequence of str
        Who may log in, as in ``authorized_keys``; nobody can with a password.
    wifi : Wifi, optional
        Besides Ethernet, which is always tried.
    apn : str, optional
        Access point of a mobile network, for a modem that ModemManager knows.
    i2s : bool
        Whether its microphones are wired to the board, not to USB.
    read_only : bool
        Whether the system's own part of the card is kept read-only.
    """

    node: str
    ssh_keys: Sequence[str]
    wifi: Wifi | None = None
    apn: str | None = None
    i2s: bool = False
    read_only: bool = False
    time_zone: str = "Europe/Stockholm"
    packages: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.ssh_keys:
            raise DeployError("give at least one SSH key: without one nobody could ever log in")
        for key in self.ssh_keys:
            if not _SSH_KEY.fullmatch(key.strip()):
                raise DeployError(
                    f"{key.strip()[:40]!r} is no public SSH key: give the content of a .pub file"
                )
        if self.apn is not None and not _APN.fullmatch(self.apn):
            raise DeployError(f"{self.apn[:40]!r} is no access point of a mobile network")


def write_image(folder: Path, card: Card, kit: dict[str, bytes], secret: str) -> list[Path]:
    """Write what belongs on the boot partition into `folder`; return the paths.

    Parameters
    ----------
    kit : dict
        The node's own files by name.
    secret : str
        With which it enrols, once.

    Raises
    ------
    DeployError
        The folder cannot be written.
    """
    own = {**kit, ENROLMENT_FILE: f"{secret}\n".encode()}
    if card.read_only:
        own[READ_ONLY_FILE] = b"read-only\n"
    files = {
        "user-data": _user_data(card),
        "network-config": _yaml(_network(card)),
        "meta-data": _yaml({"instance-id": f"{card.node}-{_short(secret)}"}),
        "firstrun.sh": _firstrun(card),
        "cmdline-bookworm.txt": _cmdline(),
        **({"skolro.txt": _I2S} if card.i2s else {}),
        **{f"{FOLDER}/{name}": content for name, content in {**own, **card.packages}.items()},
        **{
            f"{FOLDER}/{name}": (IMAGE_FILES / name).read_bytes()
            for name in ("first-boot.sh", "install-node.sh")
        },
    }
    written = []
    for name, content in files.items():
        mode = 0o600 if name.endswith((".key", ".secret", "network-config")) else 0o644
        write_file(folder / name, content, mode)
        written.append(folder / name)
    return written


def _user_data(card: Card) -> bytes:
    keys = [key.strip() for key in card.ssh_keys]
    config = {
        "hostname": card.node,
        "manage_etc_hosts": True,
        "timezone": card.time_zone,
        "ssh_pwauth": False,
        "enable_ssh": True,
        "users": [
            {
                "name": ADMINISTRATOR,
                "groups": ["adm", "sudo", "systemd-journal"],
                "shell": "/bin/bash",
                "sudo": "ALL=(ALL) NOPASSWD:ALL",
                "lock_passwd": True,
                "ssh_authorized_keys": keys,
            }
        ],
        "runcmd": [["sh", f"{_BOOT}/{FOLDER}/first-boot.sh"]],
    }
    return b"#cloud-config\n" + _yaml(config)


def _network(card: Card) -> dict[str, Any]:
    network: dict[str, Any] = {
        "version": 2,
        "renderer": "NetworkManager",
        "ethernets": {"eth0": {"dhcp4": True, "optional": True}},
    }
    if card.wifi is not None:
        network["wifis"] = {
            "wlan0": {
                "dhcp4": True,
                "optional": True,
                "regulatory-domain": card.wifi.country,
                "access-points": {card.wifi.ssid: {"password": card.wifi.key}},
            }
        }
    if card.apn is not None:
        network["modems"] = {"cdc-wdm0": {"apn": card.apn, "optional": True}}
    return {"network": network}


def _firstrun(card: Card) -> bytes:
    """For Bookworm: what Raspberry Pi's own helpers are told, then the same first boot."""
    helper = "/usr/lib/raspberrypi-sys-mods/imager_custom"
    lines = [
        "#!/bin/sh",
        "# First boot of Raspberry Pi OS Bookworm; Trixie reads user-data instead.",
        "set +e",
        f"useradd --create-home --shell /bin/bash --groups adm,sudo {ADMINISTRATOR}",
        f"install -d -m 0700 -o {ADMINISTRATOR} -g {ADMINISTRATOR} /home/{ADMINISTRATOR}/.ssh",
        *(
            f"echo {shlex.quote(key.strip())} >> /home/{ADMINISTRATOR}/.ssh/authorized_keys"
            for key in card.ssh_keys
        ),
        f"chown {ADMINISTRATOR}: /home/{ADMINISTRATOR}/.ssh/authorized_keys",
        f"echo '{ADMINISTRATOR} ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/{ADMINISTRATOR}",
        "echo 'PasswordAuthentication no' > /etc/ssh/sshd_config.d/skolro.conf",
        f"{helper} set_hostname {shlex.quote(card.node)}",
        f"{helper} set_timezone {shlex.quote(card.time_zone)}",
        "systemctl enable ssh",
    ]
    if card.wifi is not None:
        wifi = card.wifi
        lines.append(f"{helper} set_wlan {shlex.quote(wifi.ssid)} {wifi.key} {wifi.country}")
    if card.apn is not None:
        lines.append(
            "nmcli --offline connection add type gsm con-name mobile ifname '*' "
            f"gsm.apn {card.apn} > /etc/NetworkManager/system-connections/mobile.nmconnection"
        )
        lines.append("chmod 600 /etc/NetworkManager/system-connections/mobile.nmconnection")
    lines += [
        f"sh {_BOOT}/{FOLDER}/first-boot.sh",
        f"rm -f {_BOOT}/firstrun.sh",
        f"sed -i 's| systemd.run.*||' {_BOOT}/cmdline.txt",
        "exit 0",
    ]
    return ("\n".join(lines) + "\n").encode()


def _cmdline() -> bytes:
    return (
        f"systemd.run={_BOOT}/firstrun.sh systemd.run_success_action=reboot "
        "systemd.unit=kernel-command-line.target\n"
    ).encode()


def _yaml(value: Any) -> bytes:
    # JSON is YAML too.
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def _short(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()[:8]
