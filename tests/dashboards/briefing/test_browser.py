"""A real browser runs the pages: nothing breaks their policy, charts are drawn, news arrive."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from collector.ledger.ledger import EventRow
from tests.dashboards.briefing.conftest import Town, served

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = pytest.mark.skipif(
    CHROMIUM is None and os.environ.get("CI") != "true", reason="chromium is not installed"
)


def opened(address: str, folder: Path) -> tuple[str, list[str]]:
    """Return the page as it is after some seconds, and what the browser complained of."""
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--disable-quic", f"--user-data-dir={folder}", "--window-size=1280,2400",
        "--enable-logging=stderr", "--virtual-time-budget=5000", "--dump-dom", address,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.parametrize("address", ["/", "/site/ekskolan"])
def test_charts_are_drawn_live_within_the_policy(
    town: Town, app: FastAPI, tmp_path: Path, address: str
) -> None:
    for minutes_ago in range(1, 30):
        town.levels("ekskolan-1", minutes_ago, 50.0 + minutes_ago % 7)
    town.event("ekskolan-1", town.now - timedelta(minutes=3))
    # Made before, so that the browser's clock does not run out meanwhile.
    app.state.renderer.warm_up()
    with served(app) as server:
        dom, complaints = opened(f"{server}{address}", tmp_path)
    assert complaints == []
    assert dom.count("<canvas") == dom.count('class="plot"') > 0
    assert 'aria-label="Diagram över ljudnivån vid Ekskolan' in dom


class _NewsMeanwhile:
    """Lets a node hear a pass just after the page was fetched."""

    def __init__(self, app: FastAPI, town: Town) -> None:
        self._app, self._town = app, town
        self.event: EventRow | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/live" and self.event is None:
            self.event = self._town.event("askolan-1", self._town.now, lafmax_db=91.5)
        await self._app(scope, receive, send)


def test_an_event_comes_to_an_open_page_by_itself(town: Town, app: FastAPI, tmp_path: Path) -> None:
    town.event("ekskolan-1", town.now - timedelta(hours=1))
    news = _NewsMeanwhile(app, town)
    with served(news) as server:
        dom, complaints = opened(server, tmp_path)
    assert complaints == []
    assert news.event is not None
    rows = re.findall(r'class="(event[^"]*)" data-event="([0-9a-f]+)"', dom)
    assert rows[0] == ("event fresh", news.event.id)
    assert rows[1][0] == "event"
    assert re.search(r'id="news"[^>]*>Ny händelse: [\d:]+, Åskolan, 91,5&nbsp;dB\(A\)<', dom)
