"""A server whose broker lets in only who has a certificate, and the cards of its nodes."""

from __future__ import annotations

import getpass
import subprocess
from pathlib import Path

from deploy.authority import make_authority
from deploy.demo_folder import Table, toml
from deploy.mosquitto_config import access_list, broker_config, write_broker
from tests.parts import Parts
from tests.peers import free_port
from tests.system.chain import skolro

_SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJ1dCB0aGlzIGlzIG5vIGtleSBvZiBhbnlib2R5"


class Server(Parts):
    """Made and started as an administrator would.

    Parameters
    ----------
    folder : Path
        Where all is kept; mosquitto's own user must be able to get there.
    address : str
        Where the broker listens.
    wheel : Path, optional
        What its nodes are installed from.
    """

    def __init__(self, folder: Path, address: str = "127.0.0.1", wheel: Path | None = None) -> None:
        super().__init__(folder)
        self._address = address
        self._wheel = wheel or folder / "skolro-0.1.0-py3-none-any.whl"

    def start(self) -> None:
        """Make what it needs, then broker and collector."""
        authority = make_authority(self.folder / "authority")
        broker_port, http_port = free_port(), free_port()
        own = authority.issue_collector()
        (self.folder / "broker-data").mkdir()
        path = write_broker(
            self.folder / "broker",
            authority,
            [self._address],
            broker_config(
                self.folder / "broker",
                self.folder / "broker-data",
                port=broker_port,
                address=self._address,
                user=getpass.getuser(),
            ),
            access_list(),
        )
        tables: dict[str, Table] = {
            "": {"ledger": "sqlite:///ledger.sqlite"},
            "broker": {"host": self._address, "port": broker_port},
            "broker.tls": {
                "ca_file": own.ca_file,
                "certificate_file": own.certificate_file,
                "key_file": own.key_file,
            },
            "http": {"host": self._address, "port": http_port},
            "fleet": {
                "authority": "authority", "broker_host": self._address, "broker_port": broker_port,
                "release_urls": [f"http://{self._address}:{http_port}/releases"],
            },
        }  # fmt: skip
        self.config_file.write_text(toml(tables))
        (self.folder / "anna.pub").write_text(_SSH_KEY)
        if not self._wheel.exists():
            self._wheel.write_bytes(b"installed nowhere")
        self.broker(path)
        self.skolro("site", "add", "ekskolan", "--name", "Ekskolan")
        self.collector()

    @property
    def config(self) -> tuple[str, str]:
        """The option that names its configuration."""
        return "--config", str(self.config_file)

    def skolro(self, *arguments: str) -> str:
        """Run a command of the server's and return what it says."""
        ended = subprocess.run(
            skolro(*arguments, *self.config), capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def card(self, name: str, *more: str) -> Path:
        """The card of ekskolan-1."""
        card = self.folder / name
        self.skolro(
            "node", "image", "ekskolan-1", "--out", str(card),
            "--ssh-key", str(self.folder / "anna.pub"),
            "--wheel", str(self._wheel), *more,
        )  # fmt: skip
        return card
