"""A real Caddy before the real pages, as the server's own files have it."""

from __future__ import annotations

import os
import re
import socket
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from collector.database import tables
from collector.database.database import open_database, reading
from dashboards.briefing.access.throttle import _address
from dashboards.briefing.security import ENCRYPTED_HEADERS, HEADERS
from deploy.server.layout import Kind
from deploy.server.proxy import HEALTH_PATH, proxy_config
from deploy.server.wanted import Issuer, Wanted
from tests.deploy.server.made import NAME, PASSWORD
from tests.deploy.server.running import CADDY, GRAFANA_NAME, RunningServer
from tests.peers import MOSQUITTO

pytestmark = pytest.mark.skipif(
    (CADDY is None or MOSQUITTO is None) and os.environ.get("CI") != "true",
    reason="caddy or mosquitto is not installed: the proxy is NOT tested",
)


@pytest.fixture(scope="module")
def running() -> Iterator[RunningServer]:
    """Broker, collector and proxy."""
    with (
        tempfile.TemporaryDirectory(prefix="skolro-server-") as name,
        RunningServer(Path(name)) as made,
    ):
        yield made


def log_in(browser: httpx.Client, name: str, password: str, **headers: str) -> httpx.Response:
    """Fill in the form of the login page."""
    form = re.search(r'name="csrf" value="([^"]+)"', browser.get("/login").text)
    assert form is not None
    sent = {"csrf": form[1], "name": name, "password": password}
    return browser.post("/login", data=sent, headers=headers)


@pytest.mark.parametrize("grafana", [None, "grafana.kommun.example"])
@pytest.mark.parametrize(
    "certificate", [Issuer.PUBLIC, Issuer.INTERNAL, (Path("/etc/a.pem"), Path("/etc/a.key"))]
)
@pytest.mark.parametrize("kind", Kind)
def test_caddy_understands_each_form_and_would_write_it_the_same_way(
    kind: Kind, certificate: Issuer | tuple[Path, Path], grafana: str | None, tmp_path: Path
) -> None:
    wanted = Wanted(
        kind=kind, name=NAME, broker_name=NAME, municipality="Havsbro",
        certificate=certificate, grafana_name=grafana,
    )  # fmt: skip
    path = tmp_path / "Caddyfile"
    path.write_text(proxy_config(wanted))
    adapted = subprocess.run(
        [str(CADDY), "adapt", "--adapter", "caddyfile", "--config", path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert adapted.returncode == 0, adapted.stderr
    assert "formatted" not in adapted.stderr
    assert wanted.layout.pages in adapted.stdout
    assert (wanted.layout.grafana in adapted.stdout) == (grafana is not None)


def test_whoever_logs_in_through_it_gets_cookies_that_travel_encrypted_only(
    running: RunningServer,
) -> None:
    with running.browser() as browser:
        answer = log_in(browser, "administrator", PASSWORD)
        assert answer.status_code == 303, answer.text
        cookies = answer.headers.get_list("set-cookie")
        assert cookies
        for cookie in cookies:
            assert cookie.startswith("__Host-")
            assert "Secure" in cookie
            assert "HttpOnly" in cookie
        page = browser.get("/account")
        assert page.status_code == 200
        assert "administrator" in page.text


def test_browsers_are_told_all_that_the_pages_tell_them_and_not_what_serves_them(
    running: RunningServer,
) -> None:
    with running.browser() as browser:
        answer = browser.get("/login")
    for name, value in (HEADERS | ENCRYPTED_HEADERS).items():
        assert answer.headers.get_list(name) == [value]
    assert "server" not in answer.headers


def test_the_live_page_is_told_at_once_what_happens(running: RunningServer) -> None:
    with running.browser() as browser:
        log_in(browser, "administrator", PASSWORD)
        with browser.stream("GET", "/live/stream?lang=sv", timeout=30) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            # It comes while the answer goes on: nothing between holds it back.
            first = next(line for line in stream.iter_lines() if line.startswith("event:"))
    assert first


def test_failed_logins_count_against_whoever_asked_whatever_they_say_of_themselves(
    running: RunningServer,
) -> None:
    with running.browser(come_from="127.0.0.77") as browser:
        log_in(browser, "somebody", "wrong", **{"X-Forwarded-For": "203.0.113.9"})
    engine = open_database(f"sqlite:///{running.folder}/ledger.sqlite")
    with reading(engine) as connection:
        keys = set(connection.scalars(select(tables.login_failure.c.key)))
    engine.dispose()
    assert _address("127.0.0.77").key in keys
    assert keys.isdisjoint({_address("203.0.113.9").key, _address("127.0.0.1").key})


@pytest.mark.parametrize("path", ["/metrics", "/health", "/health/ready", "/health/live"])
def test_what_is_for_machines_of_the_house_stays_inside(path: str, running: RunningServer) -> None:
    with running.browser() as browser:
        assert browser.get(path).status_code == 404
    inside = httpx.get(f"http://127.0.0.1:{running.http_port}{path}", timeout=60)
    assert inside.status_code in {200, 503}


def test_it_tells_its_own_machine_that_it_lives(running: RunningServer) -> None:
    assert httpx.get(f"http://127.0.0.1:{running.health_port}{HEALTH_PATH}").status_code == 200


def test_old_tls_and_other_names_get_nothing(running: RunningServer) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.minimum_version = ssl.TLSVersion.TLSv1_2
    for host, ciphers in (("other.example", "DEFAULT"), (NAME, "AES128-SHA")):
        old.set_ciphers(ciphers)
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with (
            socket.create_connection(("127.0.0.1", running.port)) as plain,
            pytest.raises(ssl.SSLError),
        ):
            old.wrap_socket(plain, server_hostname=host)


class _Grafana(BaseHTTPRequestHandler):
    """Answers with the name that it was asked by."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(self.headers["Host"]).encode())

    def log_message(self, *_: object) -> None:
        """Be quiet."""


def test_grafana_is_reached_by_a_name_of_its_own(running: RunningServer) -> None:
    listener = ThreadingHTTPServer(("127.0.0.1", running.grafana_port), _Grafana)
    thread = threading.Thread(target=listener.serve_forever)
    thread.start()
    try:
        with running.browser(name=GRAFANA_NAME) as browser:
            answer = browser.get("/")
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()
    assert answer.text == GRAFANA_NAME
    assert answer.headers["strict-transport-security"].startswith("max-age=")
