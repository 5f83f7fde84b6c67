"""The folder of a new server: each part is made once, and never made over.

::

    collector.toml       the collector's configuration
    authority/           the certificate authority, whose key lets others in
    broker/              all that Mosquitto reads
    tls/                 the collector's certificate at the broker
    proxy/Caddyfile      TLS for people
    evidence/            the key that seals summaries
    secrets/             tokens and passwords of InfluxDB and Grafana
    grafana/root_url     where people reach Grafana, where it comes along
    fleet.key            signs what nodes are to run (skolro fleet)
    releases/            what nodes fetch, which the pages serve
    nodes/               what each node is given (skolro node add)
"""

from __future__ import annotations

import os
import pwd
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collector.evidence.authority_key import make_key
from collector.evidence.manifest import fingerprint
from deploy.authority import Authority, make_authority, write_file
from deploy.errors import DeployError
from deploy.fleet.keys import FleetKeys
from deploy.handover import give_to, hand_over
from deploy.mosquitto_config import CONFIG_FILE as BROKER_CONFIG
from deploy.mosquitto_config import access_list, broker_config, write_broker
from deploy.server import collector_config, proxy
from deploy.server.layout import Kind
from deploy.server.wanted import Wanted

COMPOSE_SECRETS: Final = (
    "influxdb_token", "influxdb_admin_password", "influxdb_reader_password",
    "grafana_admin_password",
)  # fmt: skip

_SECRET_BYTES: Final = 24


@dataclass(frozen=True, slots=True)
class Part:
    """What became of a part of the server.

    Attributes
    ----------
    path : Path
        Where it is.
    what : str
        What it is, and what to do with it.
    made : bool
        Now, or was it there.
    differs : bool
        Whether what was there is not what would have been made now.
    """

    path: Path
    what: str
    made: bool
    differs: bool = False


class ServerFolder:
    """Makes what is missing in a server's folder.

    Parameters
    ----------
    folder : Path
        The server's.
    wanted : Wanted
        What the server is to be.
    """

    def __init__(self, folder: Path, wanted: Wanted) -> None:
        self.folder = folder
        self._wanted = wanted
        self._layout = wanted.layout

    @property
    def config_file(self) -> Path:
        """The collector's configuration."""
        return self.folder / collector_config.CONFIG_FILE

    def complete(self) -> Iterator[Part]:
        """Make what is missing, and tell of each part, in the order in which they are needed.

        Raises
        ------
        DeployError
            A file cannot be written or given away, or what is there cannot be used.
        """
        if _is_root():
            _require_user(self._wanted.collector_owner)
            _require_user(self._layout.broker_owner)
        # Containers of other users read the secrets, but nobody else on the machine.
        _folder(self.folder, 0o700 if self._wanted.kind is Kind.COMPOSE else 0o755)
        yield self._authority()
        yield self._broker()
        yield self._certificate()
        yield from self._secrets()
        yield self._evidence_key()
        yield self._fleet_key()
        caddyfile = self.folder / "proxy" / proxy.CONFIG_FILE
        yield self._text(caddyfile, proxy.proxy_config(self._wanted), "Caddy's configuration")
        if self._wanted.kind is Kind.COMPOSE:
            address = f"https://{self._wanted.grafana_name}\n"
            yield self._text(self.folder / "grafana/root_url", address, "Grafana's address")
        config = collector_config.collector_config(self._wanted)
        yield self._text(self.config_file, config, "the collector's configuration")
        if self._wanted.kind is Kind.COMPOSE:
            for path in (self.folder, *self.folder.rglob("*")):
                self._give(path)

    def _authority(self) -> Part:
        path = self.folder / "authority"
        made = not (path / "ca.pem").exists()
        if made:
            _folder(path, 0o700)
            make_authority(path)
        what = "certificate authority: keep a copy of it elsewhere, and let nobody else read it"
        return Part(path, what, made)

    def _broker(self) -> Part:
        path = self.folder / "broker"
        config = path / BROKER_CONFIG
        made = not config.exists()
        if made:
            write_broker(
                path,
                self._opened(),
                self._wanted.broker_hosts,
                self._broker_config(),
                access_list(),
                owner=self._layout.broker_owner if _is_root() else None,
            )
        differs = not made and _read(config) != self._broker_config()
        return Part(path, "Mosquitto's configuration, access list and certificate", made, differs)

    def _certificate(self) -> Part:
        path = self.folder / collector_config.TLS_FOLDER
        made = not (path / "client.key").exists()
        if made:
            _folder(path, 0o700)
            self._give(path)
            owner = self._wanted.collector_owner if _is_root() else None
            hand_over(self._opened().issue_collector(), path, owner)
        return Part(path, "the collector's certificate at the broker", made)

    def _secrets(self) -> Iterator[Part]:
        if self._wanted.influxdb_url is None:
            return
        token = self.folder / collector_config.INFLUXDB_TOKEN
        folder = token.parent
        _folder(folder, 0o700)
        self._give(folder)
        for name in COMPOSE_SECRETS if self._wanted.kind is Kind.COMPOSE else (token.name,):
            yield self._secret(folder / name)

    def _secret(self, path: Path) -> Part:
        made = not path.exists()
        if made:
            mode = 0o444 if self._wanted.kind is Kind.COMPOSE else 0o400
            write_file(path, f"{secrets.token_hex(_SECRET_BYTES)}\n".encode(), mode)
            self._give(path)
        return Part(path, path.name.replace("_", " "), made)

    def _evidence_key(self) -> Part:
        path = self.folder / collector_config.EVIDENCE_KEY
        made = not path.exists()
        if made:
            _folder(path.parent, 0o700)
            self._give(path.parent)
            shown = fingerprint(make_key(path).public_key())
            self._give(path)
            what = f"key that seals evidence: keep a copy elsewhere, and publish {shown}"
            return Part(path, what, made)
        return Part(path, "key that seals evidence", made)

    def _fleet_key(self) -> Part:
        path = self.folder / collector_config.FLEET_KEY
        keys = FleetKeys(path)
        made = not keys.exists
        if made:
            keys.make()
        _folder(self.folder / collector_config.RELEASES, 0o755)
        return Part(path, "key that signs what nodes run: keep a copy elsewhere", made)

    @staticmethod
    def _text(path: Path, text: str, what: str) -> Part:
        made = not path.exists()
        if made:
            write_file(path, text.encode(), 0o644)
        return Part(path, what, made, not made and _read(path) != text)

    def _opened(self) -> Authority:
        return Authority(self.folder / "authority")

    def _broker_config(self) -> str:
        files = self._layout.broker_files or (self.folder / "broker").absolute()
        return broker_config(files, self._layout.broker_data)

    def _give(self, path: Path) -> None:
        if _is_root():
            give_to(self._wanted.collector_owner, path)


def _is_root() -> bool:
    return os.geteuid() == 0


def _require_user(name: str) -> None:
    """Find out before anything is made."""
    if name.isdecimal():
        return
    try:
        pwd.getpwnam(name)
    except KeyError as error:
        raise DeployError(
            f"there is no user {name} here: deploy/install-server.sh makes the users of a server; "
            "or name the collector's with --owner"
        ) from error


def _folder(path: Path, mode: int) -> None:
    if path.exists():
        return
    try:
        path.mkdir(parents=True)
        path.chmod(mode)
    except OSError as error:
        raise DeployError(f"cannot make the folder {path}: {error.strerror}") from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DeployError(f"cannot read {path}: {error}") from error
