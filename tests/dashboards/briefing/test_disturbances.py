"""Telling of a disturbance on a phone: three taps, an answer, and nothing that should not be."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page
from sqlalchemy import Engine

from collector.registry.disturbances import MOST_AN_HOUR, Disturbances
from collector.registry.links import Links
from collector.roles import Role
from tests.dashboards.briefing.conftest import SignedIn, Town, csrf_of, session_of
from tests.dashboards.browser import findings, is_too_wide, launched, needs_chromium, opened

ZONE = ZoneInfo("Europe/Stockholm")


@pytest.fixture
def secret(engine: Engine, town: Town) -> str:
    """What is secret in Ekskolan's link."""
    assert town.registry.sites()
    return Links(engine).add("disturbance", "Ekskolans vaktmästare", "ekskolan")[1]


@pytest.fixture
def log(engine: Engine) -> Disturbances:
    """The log."""
    return Disturbances(engine)


def tell(browser: httpx.Client, base: str, **changes: str) -> httpx.Response:
    """Send the form, with its token where it needs one."""
    token = {"csrf": csrf_of(browser, base)} if base == "/disturbances" else {}
    values = {"site": "ekskolan", "what": "speeding", "when": "now", "note": ""}
    return browser.post(base, data={**token, **values, **changes})


def measure(town: Town, minutes: int = 30) -> None:
    """Let a node measure until now."""
    for minutes_ago in range(minutes, 0, -1):
        town.levels("ekskolan-1", minutes_ago, 50.0)


def test_a_link_tells_without_a_login_and_gets_the_answer(
    town: Town, public: httpx.Client, secret: str, log: Disturbances
) -> None:
    base = f"/d/{secret}"
    assert "Störningslogg: Ekskolan" in public.get(base).text
    event = town.event("ekskolan-1", town.now - timedelta(minutes=1))
    answer = tell(public, base, site="askolan")
    assert answer.status_code == 303
    (told,) = log.of_site("ekskolan")
    assert told.told_by == "link 1"
    page = public.get(answer.headers["Location"]).text
    assert "Mätningen hörde det" in page
    assert "82,0" in page
    # Who is not logged in gets no way to the event itself.
    assert event.id not in page
    assert "csrf" not in public.get(base).text


def test_the_answer_changes_when_measurements_come_in(
    town: Town, public: httpx.Client, secret: str
) -> None:
    measure(town, 60)
    picked = town.now - timedelta(minutes=30)
    at = {"when": "picked", "at": f"{picked.astimezone(ZONE):%Y-%m-%dT%H:%M}"}
    where = tell(public, f"/d/{secret}", **at).headers["Location"]
    missed = public.get(where).text
    assert "Mätningen hörde det inte" in missed
    assert "Mättid 30 av 30 min" in missed.replace("\xa0", " ")
    town.event("ekskolan-1", town.now - timedelta(minutes=31))
    assert "Mätningen hörde det<" in public.get(where).text


def test_while_nothing_is_known_the_answer_waits_or_says_that_nothing_was_measured(
    town: Town, public: httpx.Client, secret: str
) -> None:
    now = public.get(tell(public, f"/d/{secret}").headers["Location"]).text
    assert "Väntar på mätvärden" in now
    assert "Titta igen" in now
    earlier = (town.now - timedelta(hours=5)).astimezone(ZONE)
    at = {"when": "picked", "at": f"{earlier:%Y-%m-%dT%H:%M}"}
    where = tell(public, f"/d/{secret}", **at).headers["Location"]
    assert "Ingen mätning då" in public.get(where).text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"what": "x"}, "Välj vad som stör."),
        ({"what": ""}, "Välj vad som stör."),
        ({"when": "x"}, "Välj när det var."),
        ({"when": "picked"}, "Välj en tid under de senaste 14 dagarna."),
        ({"when": "picked", "at": "nonsense"}, "Välj en tid under de senaste 14 dagarna."),
        ({"when": "picked", "at": "2020-01-01T10:00"}, "Välj en tid under de senaste 14 dagarna."),
        ({"note": "x" * 141}, "Anteckningen är för lång."),
    ],
)
def test_a_form_with_nonsense_says_what_to_do_and_keeps_the_rest(
    public: httpx.Client, secret: str, log: Disturbances, changes: dict[str, str], said: str
) -> None:
    answer = tell(public, f"/d/{secret}", **{"note": "svart bil", **changes})
    assert answer.status_code == 422
    assert said in answer.text
    assert changes.get("note", "svart bil") in answer.text
    assert log.of_site("ekskolan") == []


def test_a_link_that_tells_very_many_is_slowed_down(
    public: httpx.Client, secret: str, log: Disturbances
) -> None:
    for number in range(MOST_AN_HOUR):
        log.add("ekskolan", "other", None, "link 1", when="now", note=f"{number}")
    answer = tell(public, f"/d/{secret}")
    assert answer.status_code == 429
    assert "Vänta en stund" in answer.text


def test_a_link_reads_only_its_own_and_ends_when_it_is_revoked(
    public: httpx.Client, secret: str, log: Disturbances, engine: Engine
) -> None:
    theirs = log.add("ekskolan", "other", None, "rektor", when="now")
    elsewhere = log.add("askolan", "other", None, "link 1", when="now")
    for number in (theirs.id, elsewhere.id, 99):
        assert public.get(f"/d/{secret}/{number}").status_code == 404
    mine = log.add("ekskolan", "other", None, "link 1", when="now")
    assert public.get(f"/d/{secret}/{mine.id}").status_code == 200
    Links(engine).revoke(1, "disturbance")
    assert public.get(f"/d/{secret}").status_code == 404
    assert tell(public, f"/d/{secret}").status_code == 404
    feed = Links(engine).add("patrols.ics", "x")[1]
    assert public.get(f"/d/{feed}").status_code == 404


def test_a_note_is_shown_as_text_and_not_as_a_page(
    public: httpx.Client, secret: str, log: Disturbances
) -> None:
    answer = tell(public, f"/d/{secret}", note="<script>alert(1)</script>", what="x")
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize("role", Role)
def test_accounts_tell_in_roles_that_may(
    town: Town, signed_in: SignedIn, log: Disturbances, role: Role
) -> None:
    browser = signed_in(role)
    if role == Role.TECHNICIAN:
        assert browser.get("/disturbances").status_code == 403
        return
    where = tell(browser, "/disturbances", what="loud_music").headers["Location"]
    assert browser.get(where).status_code == 200
    (told,) = log.of_site("ekskolan")
    assert (told.what, told.told_by) == ("loud_music", f"{role.value}-1")
    wrong = tell(browser, "/disturbances", site="nowhere")
    assert (wrong.status_code, "Välj en mätplats." in wrong.text) == (422, True)


def test_a_sites_page_counts_what_was_heard(
    town: Town, client: httpx.Client, log: Disturbances
) -> None:
    assert "Ingen har berättat om någon störning" in client.get("/site/ekskolan").text
    measure(town, 60)
    town.event("ekskolan-1", town.now - timedelta(minutes=29))
    for minutes in (29, 30, 10):
        at = town.now - timedelta(minutes=minutes)
        log.add("ekskolan", "speeding", at, f"x{minutes}", now=town.now)
    few = client.get("/site/ekskolan").text
    assert "För få för att dra slutsatser: mätningen hörde 2 av 2." in few
    for number in range(10):
        at = town.now - timedelta(minutes=29)
        log.add("ekskolan", "speeding", at, f"y{number}", now=town.now)
    many = client.get("/site/ekskolan").text
    assert "Mätningen hörde 12 av 12 (81–100\xa0%, 95\xa0% osäkerhetsintervall)." in many


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real browser."""
    with launched() as running:
        yield running


def three_taps(page: Page, address: str) -> None:
    """Tell of revving a few minutes ago."""
    page.goto(address)
    page.get_by_text("Rusning eller sladdar").tap()
    page.get_by_text("För några minuter sedan").tap()
    page.get_by_role("button", name="Skicka").tap()


@needs_chromium
def test_on_a_phone_it_takes_three_taps_and_anybody_can_use_it(
    town: Town, page_server: str, browser: Browser, secret: str
) -> None:
    town.event("ekskolan-1", town.now - timedelta(minutes=4))
    with opened(browser, page_server, size="phone", has_touch=True) as page:
        page.goto(f"/d/{secret}")
        assert findings(page) == []
        assert not is_too_wide(page)
        field = page.get_by_label("Vilken tid?")
        assert not field.is_visible()
        page.get_by_text("En annan tid").tap()
        assert field.is_visible()
        for label in page.locator(".choice").all():
            box = label.bounding_box()
            assert box is not None
            assert box["height"] >= 44
        three_taps(page, f"/d/{secret}")
        page.wait_for_url("**/d/*/*")
        assert page.get_by_role("heading", level=1).text_content() == "Mätningen hörde det"
        assert findings(page) == []
        assert not is_too_wide(page)
        page.goto(f"/d/{secret}?lang=en")
        assert page.get_by_text("Write no names and no number plates.").is_visible()


@needs_chromium
@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_a_school_tells_by_its_account(
    town: Town, app: FastAPI, page_server: str, browser: Browser, size: str
) -> None:
    cookies = session_of(app, Role.SCHOOL)
    with opened(browser, page_server, size=size, cookies=cookies, has_touch=True) as page:
        page.goto("/disturbances")
        chosen = page.get_by_label("Var?")
        box = chosen.bounding_box()
        assert box is not None
        assert box["height"] >= 44
        chosen.select_option("ekskolan")
        page.get_by_text("Hög musik").tap()
        page.get_by_role("button", name="Skicka").tap()
        page.wait_for_url("**/disturbances/*")
        assert page.get_by_role("heading", level=1).text_content() == "Väntar på mätvärden"
        assert findings(page) == []
        page.goto(page.get_by_text("Till störningsloggen").get_attribute("href") or "")
        assert findings(page) == []
        assert not is_too_wide(page)
