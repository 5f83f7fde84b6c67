"""A real browser, Debian's Chromium driven by Playwright: how a page looks and works on a phone
and on a desk, what it complains of, what it asks for, and what axe-core finds in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, sync_playwright

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")

needs_chromium: Final = pytest.mark.skipif(
    CHROMIUM is None and os.environ.get("CI") != "true", reason="chromium is not installed"
)

PHONE: Final = {"width": 390, "height": 844}
DESKTOP: Final = {"width": 1280, "height": 900}
SIZES: Final = {"phone": PHONE, "desktop": DESKTOP}

# Levels A and AA of WCAG 2.0 to 2.2, and what axe-core holds to be good besides.
_RULES: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_ARGUMENTS: Final = (
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-quic",
)  # fmt: skip


@contextmanager
def launched(**settings: Any) -> Iterator[Browser]:
    """A browser without a window. One for each module: it keeps its thread's event loop.

    `settings` are of Playwright's ``BrowserType.launch``.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=list(_ARGUMENTS), **settings
        )
        yield browser
        browser.close()


@dataclass
class Heard:
    """What a page complained of, and what it asked of others than its server."""

    complaints: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)


@contextmanager
def opened(
    browser: Browser,
    server: str,
    *,
    size: str = "desktop",
    cookies: Mapping[str, str] | None = None,
    may_complain: bool = False,
    **settings: Any,
) -> Iterator[Page]:
    """A page of a fresh browser for Swedish readers, its addresses relative to `server`.

    Afterwards it must have asked nobody but `server`, and, unless it `may_complain`, have written
    nothing to the console. An answer such as 401, which a test may want, is no complaint.

    Parameters
    ----------
    size : {"phone", "desktop"}
        Of its window.
    cookies : mapping, optional
        What the browser holds, such as a session.
    settings
        Of Playwright's ``Browser.new_context``.
    """
    heard = Heard()
    known = {"base_url": server, "viewport": SIZES[size], "locale": "sv-SE"}
    context = browser.new_context(**{**known, **settings})
    try:
        context.add_cookies(
            [
                {"name": name, "value": value, "url": server}
                for name, value in (cookies or {}).items()
            ]
        )
        context.on("request", lambda request: _note(request, server, heard))
        page = context.new_page()
        page.on("console", lambda message: _hear(message.type, message.text, heard))
        page.on("pageerror", lambda error: heard.complaints.append(str(error)))
        yield page
    finally:
        context.close()
    assert heard.elsewhere == []
    assert may_complain or heard.complaints == []


def findings(page: Page) -> list[str]:
    """What axe-core finds wrong with the page as it stands, as lines to read."""
    options = {"resultTypes": ["violations"], "runOnly": list(_RULES)}
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {one['help']}: {node['html']}"
        for one in found
        for node in one["nodes"]
    ]


def is_too_wide(page: Page) -> bool:
    """Whether the page must be scrolled sideways to be read."""
    wide: bool = page.evaluate(
        "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )
    return wide


def _note(request: Request, server: str, heard: Heard) -> None:
    if not request.url.startswith((f"{server}/", "data:", "blob:")):
        heard.elsewhere.append(request.url)


def _hear(kind: str, text: str, heard: Heard) -> None:
    if kind in {"error", "warning"} and not text.startswith("Failed to load resource"):
        heard.complaints.append(f"{kind}: {text}")
