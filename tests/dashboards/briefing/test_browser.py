"""A real browser runs the pages: nothing breaks their policy, charts are drawn, news arrive."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, expect

from collector.roles import Role
from tests.dashboards.briefing.conftest import Town, served, session_of
from tests.dashboards.browser import needs_chromium, opened

pytestmark = needs_chromium

_DRAWN_MS = 60_000


@pytest.mark.parametrize("address", ["/live", "/site/ekskolan"])
def test_charts_are_drawn_live_within_the_policy(
    town: Town, app: FastAPI, chromium: Browser, address: str
) -> None:
    for minutes_ago in range(1, 30):
        town.levels("ekskolan-1", minutes_ago, 50.0 + minutes_ago % 7)
    town.event("ekskolan-1", town.now - timedelta(minutes=3))
    cookies = session_of(app, Role.POLICE)
    with served(app) as server, opened(chromium, server, cookies=cookies) as page:
        page.goto(address)
        plots = page.locator(".plot")
        assert plots.count() > 0
        for plot in plots.all():
            plot.scroll_into_view_if_needed()
            expect(plot.locator("canvas")).to_be_visible(timeout=_DRAWN_MS)
        label = plots.first.locator("[aria-label]").first.get_attribute("aria-label")
        assert "Diagram över ljudnivån vid Ekskolan" in str(label)


def test_an_event_comes_to_an_open_page_by_itself(
    town: Town, app: FastAPI, chromium: Browser
) -> None:
    earlier = town.event("ekskolan-1", town.now - timedelta(hours=1))
    cookies = session_of(app, Role.POLICE)
    with served(app) as server, opened(chromium, server, cookies=cookies) as page:
        page.goto("/live")
        expect(page.locator("[data-event]")).to_have_attribute("data-event", earlier.id)
        event = town.event("askolan-1", town.now, lafmax_db=91.5)
        rows = page.locator("[data-event]")
        expect(rows).to_have_count(2, timeout=20_000)
        expect(rows.first).to_have_attribute("data-event", event.id)
        expect(rows.first).to_have_class("event fresh")
        expect(rows.last).to_have_class("event")
        expect(page.locator("#news")).to_contain_text("Ny händelse:")
        expect(page.locator("#news")).to_contain_text("Åskolan, 91,5\N{NO-BREAK SPACE}dB(A)")
