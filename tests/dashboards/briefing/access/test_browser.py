"""The ways in and out as people walk them, on a phone and at a desk; axe-core finds nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, expect

from collector.registry.accounts import Accounts
from collector.roles import Role
from dashboards.briefing.quarters import QUARTER, last_whole
from tests.dashboards.briefing.conftest import PASSWORD, Town, session_of
from tests.dashboards.browser import SIZES, findings, is_too_wide, needs_chromium, opened
from tests.peers import levels

pytestmark = needs_chromium


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> str:
    """A phone, and a desk."""
    return str(request.param)


@pytest.fixture
def page(chromium: Browser, page_server: str, size: str) -> Iterator[Page]:
    """A fresh browser."""
    with opened(chromium, page_server, size=size) as fresh:
        yield fresh


def look(page: Page, title: str) -> None:
    """The page has that title, is readable as it is, and in Swedish."""
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    assert findings(page) == []
    assert not is_too_wide(page)
    assert page.locator("html").get_attribute("lang") == "sv"


def test_from_the_public_view_to_the_briefing_and_out_again(
    page: Page, accounts: Accounts, town: Town
) -> None:
    accounts.add("anna", Role.POLICE, PASSWORD)
    start = last_whole(datetime.now(UTC)) - QUARTER
    for minute in range(15):
        town.append(levels("ekskolan-1", start + timedelta(minutes=minute), 61.5))
    page.goto("/")
    look(page, "Ljudnivåer vid skolor")
    page.get_by_role("link", name="Ekskolan", exact=True).click()
    look(page, "Ekskolan")
    expect(page.get_by_role("cell", name="61,5")).to_be_visible()
    page.get_by_role("link", name="Logga in för att se mer").click()
    look(page, "Logga in")
    page.get_by_label("Användarnamn").fill("anna")
    page.get_by_label("Lösenord").fill("fel")
    page.get_by_role("button", name="Logga in").click()
    expect(page.get_by_role("alert")).to_contain_text("stämmer inte")
    look(page, "Logga in")
    page.get_by_label("Lösenord").fill(PASSWORD)
    page.get_by_role("button", name="Logga in").click()
    expect(page).to_have_url(re.compile(r"/briefing$"))
    page.get_by_role("link", name="anna").click()
    look(page, "Mitt konto")
    page.get_by_role("button", name="Logga ut", exact=True).click()
    look(page, "Logga in")
    page.go_back()
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Logga in")


def test_the_password_is_changed(page: Page, app: FastAPI) -> None:
    ((name, value),) = session_of(app, Role.MUNICIPALITY).items()
    server = page.request.get("/login").url.removesuffix("/login")
    page.context.add_cookies([{"name": name, "value": value, "url": server}])
    page.goto("/account")
    page.get_by_label("Nuvarande lösenord").fill(PASSWORD)
    page.get_by_label("Nytt lösenord", exact=True).fill("kort")
    page.get_by_label("Nytt lösenord en gång till").fill("kort")
    page.get_by_role("button", name="Byt lösenord").click()
    expect(page.get_by_role("alert")).to_contain_text("för kort eller för lätt att gissa")
    look(page, "Mitt konto")
    page.get_by_label("Nuvarande lösenord").fill(PASSWORD)
    page.get_by_label("Nytt lösenord", exact=True).fill("nya ord som hör ihop")
    page.get_by_label("Nytt lösenord en gång till").fill("nya ord som hör ihop")
    page.get_by_role("button", name="Byt lösenord").click()
    expect(page.get_by_text("Lösenordet är bytt.")).to_be_visible()
    look(page, "Mitt konto")


def test_an_administrator_lets_somebody_in_and_out_again(
    page: Page, app: FastAPI, chromium: Browser, page_server: str, size: str
) -> None:
    ((name, value),) = session_of(app, Role.ADMINISTRATOR).items()
    page.context.add_cookies([{"name": name, "value": value, "url": page_server}])
    page.goto("/")
    page.get_by_role("link", name="Konton").click()
    look(page, "Konton")
    page.get_by_label("Användarnamn").fill("bo ek")
    page.get_by_role("combobox", name="Roll").select_option(label="polis")
    page.get_by_role("button", name="Lägg till").click()
    expect(page.get_by_role("alert")).to_contain_text("Rätta det som är markerat")
    look(page, "Konton")
    page.get_by_label("Användarnamn").fill("bo.ek")
    page.get_by_role("button", name="Lägg till").click()
    look(page, "Länk till bo.ek")
    link = page.locator(".secret code").inner_text()
    with opened(chromium, page_server, size=size) as other:
        other.goto(link)
        look(other, "Välj ditt lösenord")
        other.get_by_label("Nytt lösenord", exact=True).fill(PASSWORD)
        other.get_by_label("Nytt lösenord en gång till").fill(PASSWORD)
        other.get_by_role("button", name="Spara och logga in").click()
        look(other, "Lägesbild")
        other.goto(link)
        look(other, "Länken gäller inte längre")
        page.get_by_role("link", name="Klar, till konton").click()
        page.get_by_role("link", name="bo.ek").click()
        look(page, "bo.ek")
        page.get_by_role("combobox", name="Roll").select_option(label="tekniker")
        page.get_by_role("button", name="Spara rollen").click()
        expect(page.get_by_role("status").first).to_contain_text("Rollen är ändrad.")
        other.goto("/briefing")
        look(other, "Din roll har inte tillgång till sidan")
        page.get_by_role("button", name="Stäng av kontot").click()
        expect(page.get_by_role("status").first).to_contain_text("Kontot är avstängt")
        look(page, "bo.ek")
        other.goto("/fleet")
        look(other, "Logga in")
    page.get_by_text("Ta bort kontot helt").click()
    page.get_by_role("button", name="Ta bort bo.ek").click()
    look(page, "Konton")
    expect(page.get_by_role("cell", name="bo.ek togs bort")).to_be_visible()


def test_a_session_that_is_over_leads_to_the_login_and_back(
    page: Page, app: FastAPI, accounts: Accounts
) -> None:
    accounts.add("anna", Role.POLICE, PASSWORD)
    server = page.request.get("/login").url.removesuffix("/login")
    name = app.state.access.cookies.name("session")
    page.context.add_cookies([{"name": name, "value": "of-yesterday", "url": server}])
    page.goto("/account")
    look(page, "Logga in")
    expect(page.get_by_role("status").first).to_contain_text("Din inloggning har gått ut")
    page.get_by_label("Användarnamn").fill("anna")
    page.get_by_label("Lösenord").fill(PASSWORD)
    page.keyboard.press("Enter")
    look(page, "Mitt konto")


def test_what_the_role_may_not_see_is_said(page: Page, app: FastAPI) -> None:
    ((name, value),) = session_of(app, Role.SCHOOL).items()
    server = page.request.get("/login").url.removesuffix("/login")
    page.context.add_cookies([{"name": name, "value": value, "url": server}])
    page.goto("/")
    look(page, "Ljudnivåer vid skolor")
    page.goto("/site/ekskolan")
    look(page, "Din roll har inte tillgång till sidan")
    expect(page.get_by_text("Du är inloggad som skolpersonal.")).to_be_visible()
    page.goto("/site/ekskolan?lang=en")
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Your role has no access to this page"
    )
    assert findings(page) == []


def test_whoever_guesses_is_told_when_to_try_again(page: Page) -> None:
    page.goto("/login")
    for _ in range(6):
        page.get_by_label("Användarnamn").fill("anna")
        page.get_by_label("Lösenord").fill("en gissning")
        page.get_by_role("button", name="Logga in").click()
    look(page, "För många misslyckade inloggningar")
    expect(page.get_by_text("Försök igen kl. ")).to_be_visible()


def test_a_form_that_is_too_old_is_said(page: Page) -> None:
    page.goto("/login")
    page.context.clear_cookies()
    page.get_by_label("Användarnamn").fill("anna")
    page.get_by_label("Lösenord").fill(PASSWORD)
    page.get_by_role("button", name="Logga in").click()
    look(page, "Formuläret gäller inte längre")


def test_a_page_that_is_left_open_leads_to_the_login_when_the_session_is_over(
    page: Page, app: FastAPI
) -> None:
    ((name, value),) = session_of(app, Role.POLICE).items()
    server = page.request.get("/login").url.removesuffix("/login")
    page.context.add_cookies([{"name": name, "value": value, "url": server}])
    page.goto("/site/ekskolan")
    access = app.state.access
    account = access.accounts.account("police-1")
    for session in access.sessions.of(account):
        access.sessions.end(account, session.key)
    expect(page).to_have_url(f"{server}/login?next=%2Fsite%2Fekskolan", timeout=20_000)
    look(page, "Logga in")
