"""A real InfluxDB for tests: Debian's 1.6.7 behind a proxy that gives it ``/api/v2/write``.

Or one that the environment names, for the tests marked `live`; see docs/influxdb.md.
"""

from __future__ import annotations

import gzip
import http.client
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Final, Self

import pytest

from collector.config import InfluxDB
from collector.outputs.measurements import RETENTION_POLICIES
from tests.peers import free_port, wait_for

INFLUXD = shutil.which("influxd", path="/usr/local/sbin:/usr/sbin:/usr/bin:/usr/local/bin")

_CONFIG = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc_port}"
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
[http]
bind-address = "127.0.0.1:{http_port}"
log-enabled = false
[monitor]
store-enabled = false
[coordinator]
query-timeout = "20s"
max-select-buckets = 100000
"""


class Influx:
    """influxd as a child process with a data directory of its own.

    `url` is the proxy's, which stays the same while influxd dies and comes back. What stands in
    `answers` is answered by the proxy itself, as a gateway under load would: status and
    ``Retry-After``, first come, first served. With `read_only_schema` it lets nothing through but
    writes, as a token that may do nothing else. A write that holds `refused` is refused as a whole,
    as InfluxDB 2 does where 1 stores the other lines.
    """

    def __init__(self) -> None:
        if INFLUXD is None:
            raise FileNotFoundError("influxd is not installed")
        self._folder = tempfile.TemporaryDirectory(prefix="skolro-influx-")
        self._config = Path(self._folder.name) / "influxdb.conf"
        self.http_port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.answers: list[tuple[int, str | None]] = []
        self.read_only_schema = False
        self.refused: bytes | None = None
        self._proxy = _Proxy(self)
        self.url = f"http://127.0.0.1:{self._proxy.server_port}"
        Thread(target=self._proxy.serve_forever, daemon=True).start()

    def start(self) -> None:
        """Start influxd and wait until it answers."""
        # Anew each time: while it was away, somebody else may have taken the port.
        self.http_port = free_port()
        self._config.write_text(
            _CONFIG.format(
                rpc_port=free_port(), http_port=self.http_port, folder=self._folder.name
            ),
            encoding="utf-8",
        )
        log = (Path(self._folder.name) / "influxd.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [str(INFLUXD), "-config", str(self._config)], stdout=log, stderr=log
            )
        wait_for(self._answers, 30.0, "influxd does not start")

    def kill(self) -> None:
        """Kill influxd as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Stop influxd where it stands: it takes connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen influxd go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None, "influxd does not run"
        self._process.send_signal(number)

    def cpu_s(self) -> float:
        """CPU time that influxd has used since it was started."""
        assert self._process is not None, "influxd does not run"
        stat = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="utf-8")
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def stored_bytes(self) -> int:
        """Room that its files take on the disk, the log of writes included."""
        folders = [Path(self._folder.name) / name for name in ("data", "wal")]
        files = (path for folder in folders for path in folder.rglob("*"))
        return sum(512 * path.stat().st_blocks for path in files if path.is_file())

    def new_config(self) -> InfluxDB:
        """A configuration of the collector with a database that does not exist yet."""
        return InfluxDB(url=self.url, bucket=f"db_{secrets.token_hex(4)}", timeout_s=5.0)

    def query(self, database: str, influxql: str) -> list[dict[str, Any]]:
        """Return the rows of a query, the tags of their series among their columns.

        Raises
        ------
        AssertionError
            InfluxDB refuses the query.
        """
        return _rows(self.series(database, influxql))

    def series(self, database: str, influxql: str) -> list[dict[str, Any]]:
        """Return the series that a query answers with, times in nanoseconds."""
        return _asked(f"http://127.0.0.1:{self.http_port}", database, influxql)

    def write(self, database: str, lines: str, policy: str = "") -> None:
        """Write line protocol past the proxy."""
        request = f"/write?db={database}&rp={policy}"
        address = f"http://127.0.0.1:{self.http_port}{request}"
        with urllib.request.urlopen(address, lines.encode(), timeout=30) as response:
            assert response.status == 204

    def _answers(self) -> bool:
        assert self._process is None or self._process.poll() is None, "influxd has ended"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/ping", timeout=5):
                return True
        except OSError:
            return False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        self._proxy.shutdown()
        self._proxy.server_close()
        self._folder.cleanup()


def running() -> Iterator[Influx]:
    """What a fixture yields: a running InfluxDB, or the test is left out where there is none."""
    if INFLUXD is None and os.environ.get("CI") != "true":
        pytest.skip("influxd is not installed")
    with Influx() as influx:
        yield influx


_LIVE: Final = {
    name: os.environ.get(f"SKOLRO_LIVE_INFLUX_{name}", "")
    for name in ("URL", "TOKEN", "ORG", "BUCKET")
}


class LiveInflux:
    """The InfluxDB 2 or 3 that the environment names; each test gets buckets of its own."""

    def new_config(self) -> InfluxDB:
        """A configuration of the collector with a bucket that does not exist yet."""
        return InfluxDB(
            url=_LIVE["URL"],
            token=_LIVE["TOKEN"],
            org=_LIVE["ORG"] or "skolro",
            bucket=f"{_LIVE['BUCKET'] or 'skolro_test'}_{secrets.token_hex(4)}",
        )

    def query(self, database: str, influxql: str) -> list[dict[str, Any]]:
        """Return the rows of a query, the tags of their series among their columns."""
        return _rows(_asked(_LIVE["URL"].rstrip("/"), database, influxql, _LIVE["TOKEN"]))


def live() -> LiveInflux:
    """The InfluxDB that the environment names, or the test is left out where it names none."""
    if not _LIVE["URL"]:
        pytest.skip("SKOLRO_LIVE_INFLUX_URL names no InfluxDB 2 or 3: see docs/influxdb.md")
    return LiveInflux()


def content(influx: Influx | LiveInflux, database: str) -> dict[str, list[dict[str, Any]]]:
    """All that is in `database`, by measurement."""
    return {
        measurement.name: influx.query(
            database, " ".join(("SELECT * FROM", f'"{policy or "autogen"}".{measurement.name}'))
        )
        for policy, measurements in RETENTION_POLICIES.items()
        for measurement in measurements
    }


def _asked(address: str, database: str, influxql: str, token: str = "") -> list[dict[str, Any]]:
    form = urllib.parse.urlencode({"db": database, "q": influxql, "epoch": "ns"}).encode()
    headers = {"Authorization": f"Token {token}"} if token else {}
    request = urllib.request.Request(f"{address}/query", form, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{influxql}: {error.read().decode()}") from error
    errors = [part["error"] for part in answer["results"] if "error" in part]
    assert not errors, f"{influxql}: {errors}"
    return [series for part in answer["results"] for series in part.get("series", [])]


def _rows(series: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        one.get("tags", {}) | dict(zip(one["columns"], values, strict=True))
        for one in series
        for values in one.get("values", [])
    ]


class _Proxy(ThreadingHTTPServer):
    """Maps ``/api/v2/write?bucket=db/rp`` to ``/write?db=db&rp=rp``; hands on all else."""

    daemon_threads = True

    def __init__(self, influx: Influx) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.influx = influx

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of who has gone in the middle of a request; it may have been killed."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Proxy

    def do_GET(self) -> None:
        self._hand_on()

    def do_POST(self) -> None:
        self._hand_on()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""

    def _hand_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = _mapped(self.path)
        influx = self.server.influx
        if path.startswith("/write") and influx.answers:
            status, retry_after = influx.answers.pop(0)
            self._answer(status, b"{}", retry_after)
            return
        if influx.read_only_schema and not path.startswith("/write"):
            self._answer(403, b'{"error":"this token may only write"}')
            return
        if path.startswith("/write") and influx.refused and influx.refused in self._plain(body):
            self._answer(400, b'{"code":"invalid","message":"unable to parse a line"}')
            return
        upstream = http.client.HTTPConnection("127.0.0.1", influx.http_port, timeout=20)
        headers = {
            name: value
            for name, value in self.headers.items()
            if name.lower() in {"content-type", "content-encoding", "authorization"}
        }
        try:
            upstream.request(self.command, path, body, headers)
            answer = upstream.getresponse()
            self._answer(answer.status, answer.read())
        except (OSError, http.client.HTTPException):
            self._answer(502, b'{"error":"no InfluxDB behind the proxy"}')
        finally:
            upstream.close()

    def _plain(self, body: bytes) -> bytes:
        zipped = self.headers.get("Content-Encoding") == "gzip"
        return gzip.decompress(body) if zipped else body

    def _answer(self, status: int, body: bytes, retry_after: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if retry_after is not None:
            self.send_header("Retry-After", retry_after)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status != 204:
            self.wfile.write(body)


def _mapped(path: str) -> str:
    url = urllib.parse.urlsplit(path)
    if url.path != "/api/v2/write":
        return path
    query = dict(urllib.parse.parse_qsl(url.query))
    database, _, policy = query["bucket"].partition("/")
    mapped = {"db": database, "rp": policy, "precision": query.get("precision", "ns")}
    return f"/write?{urllib.parse.urlencode(mapped)}"
