"""Buckets are asked for as InfluxDB 2's API documents it; InfluxDB 1 is tested for real."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from influxdb_client.client.influxdb_client import InfluxDBClient

from collector.outputs.influx_buckets import create_bucket, statements_1

_ORG = {"id": "0123456789abcdef", "name": "skolro"}


class _Api(ThreadingHTTPServer):
    """Answers as the API of InfluxDB 2 is documented, and notes what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, dict[str, Any]]] = []


class _Handler(BaseHTTPRequestHandler):
    server: _Api

    def do_GET(self) -> None:
        self._answer(200, {"orgs": [_ORG]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, body))
        self._answer(201, body | {"id": "fedcba9876543210", "orgID": _ORG["id"]})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())


@pytest.fixture
def api() -> Iterator[_Api]:
    """A server that is asked for buckets."""
    server = _Api()
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("policy", "name", "kept_s", "shard_s", "mapped"),
    [
        (None, "skolro", 0, 7 * 86_400, "autogen"),
        ("seconds", "skolro/seconds", 30 * 86_400, 86_400, "seconds"),
        ("hours", "skolro/hours", 0, 3640 * 86_400, "hours"),
    ],
)
def test_a_bucket_and_its_name_in_influxql_are_asked_for(
    api: _Api, policy: str | None, name: str, kept_s: int, shard_s: int, mapped: str
) -> None:
    client: Any = InfluxDBClient(url=f"http://127.0.0.1:{api.server_port}", org="skolro")
    create_bucket(client, "skolro", policy)
    client.close()
    bucket, mapping = api.asked
    assert bucket[0] == "/api/v2/buckets"
    assert (bucket[1]["name"], bucket[1]["orgID"]) == (name, _ORG["id"])
    assert bucket[1]["retentionRules"] == [
        {"type": "expire", "everySeconds": kept_s, "shardGroupDurationSeconds": shard_s}
    ]
    assert mapping == (
        "/api/v2/dbrps",
        {
            "orgID": _ORG["id"],
            "bucketID": "fedcba9876543210",
            "database": "skolro",
            "retention_policy": mapped,
            "default": policy is None,
        },
    )


def test_influxdb_1_is_told_in_influxql() -> None:
    assert statements_1("skolro", None) == ['CREATE DATABASE "skolro"']
    assert statements_1("skolro", "seconds")[1] == (
        'CREATE RETENTION POLICY "seconds" ON "skolro" DURATION 30d REPLICATION 1 SHARD DURATION 1d'
    )
