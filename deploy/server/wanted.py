"""What the administrator of a new server has to say, and what cannot be meant."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Final

from msgspec import Struct

from deploy.errors import DeployError
from deploy.server.layout import LAYOUTS, LEDGER, Kind, Layout

_LABEL: Final = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST: Final = re.compile(rf"{_LABEL}(\.{_LABEL})+")


class Issuer(StrEnum):
    """Who vouches for the proxy to browsers."""

    PUBLIC = "public"
    INTERNAL = "internal"


class Wanted(Struct, frozen=True, kw_only=True):
    """What a server is to be.

    Attributes
    ----------
    kind : Kind
        How it is run.
    name : str
        Host under which people reach the pages.
    broker_name : str
        Host or address under which nodes reach the broker.
    municipality : str
        Whose it is; stands on pages and on evidence.
    certificate : Issuer or tuple of Path
        Who issues it, or a certificate's file and its key's.
    grafana_name : str, optional
        Host under which people reach Grafana; None: not through the proxy.
    influxdb_url : str, optional
        The InfluxDB that is fed.
    ledger : str
        SQLAlchemy URL.
    owner : str, optional
        Other user than usual who runs the collector.

    Raises
    ------
    DeployError
        A name is none, or two are the same.
    """

    kind: Kind
    name: str
    broker_name: str
    municipality: str
    certificate: Issuer | tuple[Path, Path] = Issuer.PUBLIC
    grafana_name: str | None = None
    influxdb_url: str | None = None
    ledger: str = LEDGER
    owner: str | None = None

    def __post_init__(self) -> None:
        require_host("--name", self.name)
        if self.grafana_name is not None:
            require_host("--grafana-name", self.grafana_name)
        if self.grafana_name == self.name:
            raise DeployError("--grafana-name must be another name than --name: each is a site")
        if not re.fullmatch(r"[A-Za-z0-9.:-]{1,253}", self.broker_name):
            raise DeployError(f"--broker-name {self.broker_name[:80]!r} is no host or address")

    @property
    def layout(self) -> Layout:
        """Where things are."""
        return LAYOUTS[self.kind]

    @property
    def collector_owner(self) -> str:
        """User, or a user's number, to whom root gives what is the collector's."""
        return self.owner or self.layout.owner

    @property
    def url(self) -> str:
        """Where people reach the pages."""
        return f"https://{self.name}"

    @property
    def broker_hosts(self) -> list[str]:
        """All names that stand in the broker's certificate."""
        return list(dict.fromkeys([self.broker_name, self.layout.broker_host]))


def require_host(option: str, name: str) -> None:
    """Return if `name` is a host's full name; raise :class:`DeployError` if not."""
    if not _HOST.fullmatch(name) or name.replace(".", "").isdecimal():
        raise DeployError(
            f"{option} {name[:80]!r} is no full name of a host: write it in small letters without "
            "https://, as in skolro.kommun.example"
        )
