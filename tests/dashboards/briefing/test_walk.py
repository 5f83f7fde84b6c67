"""Each role goes its main way in a real browser, on a phone and on a desk; all pages are sound."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, Response, expect
from pypdf import PdfReader

from collector.registry.registry import Registry
from collector.roles import Role
from dashboards.briefing.page_templates import episode_address
from tests.dashboards.briefing.conftest import PASSWORD, served, session_of
from tests.dashboards.briefing.simulated import copied, pages_of
from tests.dashboards.browser import SIZES, findings, is_too_wide, needs_chromium, opened

pytestmark = needs_chromium

FIRST_VIEW_BYTES = 200_000


@pytest.fixture(scope="module")
def app(simulated_town: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """The pages of a simulated town of our own, in which patrols are logged."""
    with pages_of(copied(simulated_town, tmp_path_factory.mktemp("walked"))) as made:
        yield made


@pytest.fixture(scope="module")
def server(app: FastAPI) -> Iterator[str]:
    """Where they are."""
    with served(app) as address:
        yield address


@pytest.fixture(scope="module")
def patrolled(app: FastAPI) -> str:
    """The site at which there were patrols."""
    registry: Registry = app.state.board.registry
    return registry.patrols()[0].site


def addresses(app: FastAPI, patrolled: str) -> list[str]:
    """One of every page."""
    ledger = app.state.board.ledger
    (_, episode), *_ = ledger.episodes(site=patrolled, simulated=True)
    (event,) = ledger.events(site=patrolled, limit=1)
    return [
        "/briefing", "/patrols", "/patrols/1", f"/effect/{patrolled}", "/live", "/about",
        "/fleet", f"/fleet/{event.node}",
        f"/site/{patrolled}", episode_address(patrolled, episode.start), f"/event/{event.id}",
        "/accounts", "/accounts/1", "/site/nowhere", "/briefing?patrols=99",
    ]  # fmt: skip


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("lang", ["sv", "en"])
def test_every_page_is_sound_in_both_languages(
    chromium: Browser, app: FastAPI, server: str, patrolled: str, size: str, lang: str
) -> None:
    cookies = {**session_of(app, Role.ADMINISTRATOR), "lang": lang}
    with opened(chromium, server, size=size, cookies=cookies) as page:
        for address in addresses(app, patrolled):
            answer = page.goto(address)
            assert answer is not None
            assert answer.status < 500, address
            assert page.locator("html").get_attribute("lang") == lang
            assert page.locator("h1").count() == 1, address
            assert not is_too_wide(page), address
            assert findings(page) == [], address
            for closed in page.locator("details").all():
                closed.locator("summary").click()
            assert not is_too_wide(page), address


def test_dark_is_readable_too(chromium: Browser, app: FastAPI, server: str, patrolled: str) -> None:
    cookies = session_of(app, Role.ADMINISTRATOR)
    with opened(chromium, server, cookies=cookies, size="phone", color_scheme="dark") as page:
        for address in addresses(app, patrolled):
            page.goto(address)
            assert findings(page) == [], address


@pytest.mark.parametrize("size", SIZES)
def test_an_officer_goes_from_the_login_to_the_log(
    chromium: Browser, app: FastAPI, server: str, size: str
) -> None:
    session_of(app, Role.POLICE)
    registry: Registry = app.state.board.registry
    before = len(registry.patrols())
    with opened(chromium, server, size=size) as page:
        page.goto("/login")
        page.get_by_label("Användarnamn").fill("police-1")
        page.get_by_label("Lösenord").fill(PASSWORD)
        page.get_by_role("button", name="Logga in").click()
        expect(page.get_by_role("heading", name="Lägesbild")).to_be_visible()
        window = page.locator("li.window").first
        expect(window).to_contain_text("episoder väntas")
        window.get_by_role("link").first.click()
        expect(page.get_by_role("heading", name="När händer det?")).to_be_visible()
        page.locator('a[href^="/episode/"]').first.click()
        expect(page.locator("main")).to_contain_text("Misstänkt buskörning.")
        page.locator('a[href^="/event/"]').first.click()
        expect(page.locator("main")).to_contain_text("Kontrollerat: oförändrat.")
        _log_in_three_taps(page)
        expect(page.get_by_role("status").filter(has_text="Insatsen är sparad.")).to_be_visible()
        assert len(registry.patrols()) == before + 1
        page.get_by_role("button", name="Ångra").click()
        expect(page.locator("main")).not_to_contain_text("Insatsen är sparad.")
        assert len(registry.patrols()) == before


def _log_in_three_taps(page: Page) -> None:
    page.get_by_role("link", name="Insatser").click()
    page.locator("button.tap").first.click()


@pytest.mark.parametrize("size", SIZES)
def test_the_municipality_sees_whether_it_helped(
    chromium: Browser, app: FastAPI, server: str, patrolled: str, size: str
) -> None:
    cookies = session_of(app, Role.MUNICIPALITY)
    with opened(chromium, server, size=size, cookies=cookies) as page:
        page.goto("/briefing")
        page.locator(f'a[href="/effect/{patrolled}"]').click()
        expect(page.get_by_role("heading", name="Räcker data?")).to_be_visible()
        _is_drawn(page, 'img[src*="/chart/effect/"]')
        page.goto(f"/site/{patrolled}")
        for kind in ("rates", "episodes", "speeds"):
            _is_drawn(page, f'img[src*="/chart/{kind}/"]')


def _is_drawn(page: Page, selector: str) -> None:
    picture = page.locator(selector)
    picture.scroll_into_view_if_needed()
    page.wait_for_function(
        "one => document.querySelector(one).complete", arg=selector, timeout=60_000
    )
    assert picture.evaluate("one => one.naturalWidth") > 100


@pytest.mark.parametrize("size", SIZES)
def test_a_technician_looks_at_nodes_and_at_what_happens_now(
    chromium: Browser, app: FastAPI, server: str, size: str
) -> None:
    cookies = session_of(app, Role.TECHNICIAN)
    with opened(chromium, server, size=size, cookies=cookies) as page:
        page.goto("/")
        expect(page.get_by_role("heading", name="Mätnoder")).to_be_visible()
        expect(page.locator(".fleet > li").first).to_contain_text("Kalibrerad")
        page.get_by_role("link", name="Just nu").click()
        expect(page.get_by_role("heading", name="Just nu")).to_be_visible()
        expect(page.get_by_role("link", name="Lägesbild", exact=True)).to_have_count(0)


def test_the_keyboard_reaches_everything_that_a_finger_does(
    chromium: Browser, app: FastAPI, server: str
) -> None:
    cookies = session_of(app, Role.POLICE)
    with opened(chromium, server, size="phone", cookies=cookies) as page:
        page.goto("/patrols")
        wanted = page.locator("a[href]:visible, button:visible, summary:visible").count()
        reached = set()
        for _ in range(wanted + 5):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.outerHTML"))
        assert len(reached) >= len(
            set(page.locator("a[href]:visible, button:visible, summary:visible").evaluate_all(
                "all => all.map(one => one.outerHTML)"))
        )  # fmt: skip
        assert any("skip" in one for one in reached)


@pytest.mark.parametrize("lang", ["sv", "en"])
@pytest.mark.parametrize("patrols", [1, 3, 6])
def test_the_briefing_prints_on_one_sheet(
    chromium: Browser, app: FastAPI, server: str, lang: str, patrols: int
) -> None:
    cookies = {**session_of(app, Role.POLICE), "lang": lang}
    with opened(chromium, server, cookies=cookies) as page:
        page.goto(f"/briefing?patrols={patrols}")
        pdf = PdfReader(BytesIO(page.pdf(prefer_css_page_size=True)))
    (sheet,) = pdf.pages
    assert [round(float(edge)) for edge in sheet.mediabox[2:]] == [595, 842]
    text = sheet.extract_text()
    assert ("Lämpliga tider för insats" if lang == "sv" else "Patrol windows") in text
    assert ("Underlag: vad som mättes" if lang == "sv" else "It rests on what was measured") in text


def test_the_first_view_is_light(chromium: Browser, app: FastAPI, server: str) -> None:
    came: list[Response] = []
    with opened(chromium, server, cookies=session_of(app, Role.POLICE), size="phone") as page:
        # Playwright marks its handlers, which a method of a list does not let it do.
        page.on("response", lambda response: came.append(response))  # noqa: PLW0108
        page.goto("/briefing", wait_until="networkidle")
        sizes = {one.url: int(one.request.sizes()["responseBodySize"]) for one in came}
    assert any(re.search(r"briefing\.css", url) for url in sizes)
    assert not any("vega" in url for url in sizes)
    assert 0 < sum(sizes.values()) < FIRST_VIEW_BYTES
