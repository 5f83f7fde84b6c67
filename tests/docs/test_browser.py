"""The documentation in a browser: it can be read by everybody, on a phone too, and searched."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.dashboards.browser import findings, is_too_wide, launched, needs_chromium, opened

pytestmark = needs_chromium

PAGES = ("index.html", "handlaggare/konton-och-gallring.html", "operations.html")


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and tells nobody."""

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium."""
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def server(site: Path) -> Iterator[str]:
    """Where the documentation is served."""
    handler = functools.partial(Quiet, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_address[1]}"
        serving.shutdown()
        thread.join(20)


@pytest.mark.parametrize(
    ("size", "scheme"), [("phone", "light"), ("phone", "dark"), ("desktop", "light")]
)
def test_pages_are_sound_and_ask_nobody_else(
    chromium: Browser, server: str, size: str, scheme: str
) -> None:
    with opened(chromium, server, size=size, color_scheme=scheme) as page:
        for address in PAGES:
            page.goto(f"/{address}")
            assert findings(page) == [], address
            assert not is_too_wide(page), address


def test_a_word_is_found_without_another_server(chromium: Browser, server: str) -> None:
    with opened(chromium, server) as page:
        page.goto("/index.html")
        page.get_by_role("button", name="Sök").click()
        page.keyboard.type("mätrutin")
        expect(page.locator('a[href*="sv/matrutin.html"]').last).to_be_visible(timeout=20_000)
