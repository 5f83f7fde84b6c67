"""Where the parts of a server are, as services of Debian or as containers."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Final

from msgspec import Struct

LEDGER: Final = "sqlite:////var/lib/skolro/ledger.sqlite"
HTTP_PORT: Final = 8080
PROXY_HEALTH_PORT: Final = 8081
"""Where the proxy says on its own machine that it lives."""


class Kind(StrEnum):
    """How a server is run."""

    DEBIAN = "debian"
    COMPOSE = "compose"


class Layout(Struct, frozen=True, kw_only=True):
    """What differs between the two.

    Attributes
    ----------
    broker_host : str
        Where the collector reaches the broker.
    broker_files : Path, optional
        Where the broker finds its files; None: where they are made.
    broker_data : Path
        Where it keeps its queues.
    http_host : str
        Where the collector listens for the proxy.
    proxies : tuple of str
        From where the proxy asks.
    pages, grafana : str
        Where the proxy asks.
    influxdb_url : str, optional
        The InfluxDB that comes with it.
    owner, broker_owner : str
        Users, or a user's number, to whom root gives the collector's and the broker's keys.
    """

    broker_host: str
    broker_files: Path | None
    broker_data: Path
    http_host: str
    proxies: tuple[str, ...]
    pages: str
    grafana: str
    influxdb_url: str | None
    owner: str
    broker_owner: str


LAYOUTS: Final = {
    Kind.DEBIAN: Layout(
        # By number: a minimal system may not know what localhost is.
        broker_host="127.0.0.1",
        broker_files=None,
        broker_data=Path("/var/lib/skolro-broker"),
        http_host="127.0.0.1",
        proxies=("127.0.0.1", "::1"),
        pages=f"127.0.0.1:{HTTP_PORT}",
        grafana="127.0.0.1:3000",
        influxdb_url=None,
        owner="skolro",
        broker_owner="mosquitto",
    ),
    Kind.COMPOSE: Layout(
        broker_host="mosquitto",
        broker_files=Path("/mosquitto/data/tls"),
        broker_data=Path("/mosquitto/data"),
        http_host="0.0.0.0",  # noqa: S104 - inside a container, of which no port is published
        proxies=("172.31.254.0/28",),
        pages=f"collector:{HTTP_PORT}",
        grafana="grafana:3000",
        influxdb_url="http://influxdb:8086",
        owner="10001",
        broker_owner="10001",
    ),
}
