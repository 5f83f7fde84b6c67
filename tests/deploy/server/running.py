"""A whole server as ``skolro server init`` made it: broker, collector and proxy, on free ports."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import ssl
from pathlib import Path
from typing import Any, Final

import httpx

from deploy.mosquitto_config import TLS_PORT
from deploy.processes import Child, end_together, listens
from deploy.server.layout import HTTP_PORT, PROXY_HEALTH_PORT
from tests.deploy.server.made import NAME, accept, server
from tests.parts import Parts
from tests.peers import free_port

CADDY: Final = shutil.which("caddy")
GRAFANA_NAME: Final = f"grafana.{NAME}"


class RunningServer(Parts):
    """Made in `folder`, its ports and data moved to where nobody else's are.

    Parameters
    ----------
    folder : Path
        Where all is kept; what is there of a server stays.
    proxy : bool
        Whether there is a proxy before the pages.
    """

    def __init__(self, folder: Path, *, proxy: bool = True) -> None:
        super().__init__(folder)
        self._has_proxy = proxy
        self.port = free_port()
        said = server(folder, "--grafana-name", GRAFANA_NAME, "--broker-name", "localhost")
        accept(folder, said)
        self.health_port, self.http_port, self.broker_port = (free_port() for _ in range(3))
        self.grafana_port = free_port()
        self._move("collector.toml", f"port = {HTTP_PORT}", f"port = {self.http_port}")
        self._move("collector.toml", f"port = {TLS_PORT}", f"port = {self.broker_port}")
        self._move("broker/mosquitto.conf", f"listener {TLS_PORT}",
                   f"listener {self.broker_port} 127.0.0.1")  # fmt: skip
        self._move("broker/mosquitto.conf", "/var/lib/skolro-broker", str(folder / "queues"))
        self._move("broker/mosquitto.conf", "user mosquitto", f"user {getpass.getuser()}")
        self._move("proxy/Caddyfile", f":{HTTP_PORT}", f":{self.http_port}")
        self._move("proxy/Caddyfile", f":{PROXY_HEALTH_PORT}", f":{self.health_port}")
        self._move("proxy/Caddyfile", "127.0.0.1:3000", f"127.0.0.1:{self.grafana_port}")
        self._move("proxy/Caddyfile", "admin off", f"admin off\n\thttps_port {self.port}")
        (folder / "queues").mkdir()
        self._broker: Child | None = None

    def _move(self, name: str, old: str, new: str) -> None:
        path = self.folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def start(self) -> None:
        """Broker, proxy and collector."""
        self.start_broker()
        if self._has_proxy:
            self._start_proxy()
        self.collector()

    def start_broker(self) -> None:
        """Start it, or start it anew."""
        if self._broker is not None:
            end_together([self._broker], within_s=20)
        self._broker = self.broker(self.folder / "broker/mosquitto.conf")
        self._broker.await_ready(lambda: listens(self.broker_port), within_s=30)

    def reload_broker(self) -> None:
        """As its unit does it."""
        assert self._broker is not None
        os.kill(self._broker.pid, signal.SIGHUP)

    def _start_proxy(self) -> None:
        files = self.folder
        # It keeps its authority there.
        home = ["env", f"XDG_DATA_HOME={files}/home", f"XDG_CONFIG_HOME={files}/home"]
        caddyfile = str(files / "proxy/Caddyfile")
        run = [str(CADDY), "run", "--adapter", "caddyfile", "--config", caddyfile]
        proxy = self.child("proxy", *home, *run)
        proxy.await_ready(lambda: listens(self.port) and self._authority.exists(), within_s=60)

    @property
    def _authority(self) -> Path:
        return self.folder / "home/caddy/pki/authorities/local/root.crt"

    def browser(self, come_from: str = "127.0.0.2", name: str = NAME) -> httpx.Client:
        """Somebody at an address of loopback who trusts the proxy's authority, and no other."""
        trusted = ssl.create_default_context(cafile=str(self._authority))
        transport = _Resolving(self.port, name, verify=trusted, local_address=come_from)
        return httpx.Client(base_url=f"https://{name}", transport=transport, timeout=60)


class _Resolving(httpx.HTTPTransport):
    """Finds the server's name here, as its own DNS would."""

    def __init__(self, port: int, name: str, **settings: Any) -> None:
        super().__init__(**settings)
        self._port = port
        self._name = name

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Ask the port here, by the name that was asked for."""
        asked = httpx.Request(
            request.method,
            request.url.copy_with(host="127.0.0.1", port=self._port),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": self._name},
        )
        return super().handle_request(asked)
