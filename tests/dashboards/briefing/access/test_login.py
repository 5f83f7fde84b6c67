"""Logging in and out, as a browser without script does it: what is held, and what ends it."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, select, update

from collector.config import CollectorConfig, Http
from collector.database import tables
from collector.database.database import reading, writing
from collector.registry.accounts import Accounts
from collector.roles import Role
from tests.dashboards.briefing.conftest import PASSWORD, SignedIn, csrf_of

SESSION = "skolro-session"


@pytest.fixture
def anna(accounts: Accounts) -> Accounts:
    """Anna of the police has an account."""
    accounts.add("anna", Role.POLICE, PASSWORD)
    return accounts


def log_in(
    browser: httpx.Client, name: str = "anna", password: str = PASSWORD, onward: str = ""
) -> httpx.Response:
    """Send the login form as its page has it."""
    sent = {
        "csrf": csrf_of(browser, "/login"), "name": name, "password": password, "next": onward,
    }  # fmt: skip
    return browser.post("/login", data=sent)


def post(browser: httpx.Client, path: str, form_at: str, **fields: str) -> httpx.Response:
    """Send a form with the token of the page at `form_at`."""
    return browser.post(path, data={"csrf": csrf_of(browser, form_at), **fields})


@pytest.mark.usefixtures("anna")
def test_whoever_knows_the_password_sees_the_page_that_was_asked_for(public: httpx.Client) -> None:
    refused = public.get("/site/ekskolan?lang=sv")
    assert refused.status_code == 303
    assert refused.headers["Location"] == "/login?next=%2Fsite%2Fekskolan%3Flang%3Dsv"
    form = public.get(refused.headers["Location"]).text
    assert "Logga in" in form
    onward = re.search(r'name="next" value="([^"]+)"', form)
    assert onward is not None
    answer = log_in(public, "  Anna ", onward=onward[1])
    assert (answer.status_code, answer.headers["Location"]) == (303, "/site/ekskolan?lang=sv")
    page = public.get("/site/ekskolan")
    assert page.status_code == 200
    assert "anna" in page.text
    assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.usefixtures("anna")
def test_a_cookie_is_kept_from_scripts_and_other_sites_and_is_not_in_the_database(
    public: httpx.Client, engine: Engine
) -> None:
    answer = log_in(public)
    cookie = next(c for c in answer.headers.get_list("Set-Cookie") if c.startswith(SESSION))
    assert re.fullmatch(rf"{SESSION}=[\w-]{{43}}; HttpOnly; Path=/; SameSite=lax", cookie)
    with reading(engine) as connection:
        rows = connection.execute(select(tables.login_session)).all()
    assert len(rows) == 1
    assert public.cookies[SESSION] not in str(rows)


class TestEncrypted:
    """Where people come by https."""

    @pytest.fixture
    def config(self) -> CollectorConfig:
        """Reached through a proxy that encrypts."""
        return CollectorConfig(http=Http(base_url="https://skolro.example"))

    @pytest.mark.usefixtures("anna")
    def test_cookies_are_the_hosts_own_and_browsers_are_told_to_come_encrypted(
        self, page_server: str
    ) -> None:
        with httpx.Client(base_url=page_server, timeout=60) as browser:
            form = browser.get("/login")
            assert form.headers["Strict-Transport-Security"].startswith("max-age=")
            token = re.search(r'name="csrf" value="([^"]+)"', form.text)
            assert token is not None
            (held,) = form.headers.get_list("Set-Cookie")
            assert held.startswith("__Host-skolro-form=")
            # The client does not send it by itself over a connection that is not encrypted.
            answer = browser.post(
                "/login",
                data={"csrf": token[1], "name": "anna", "password": PASSWORD},
                headers={"Cookie": held.partition(";")[0]},
            )
        assert answer.status_code == 303
        begun, ended = answer.headers.get_list("Set-Cookie")
        assert re.fullmatch(
            r"__Host-skolro-session=[\w-]{43}; HttpOnly; Path=/; SameSite=lax; Secure", begun
        )
        assert ended.startswith('__Host-skolro-form=""')


@pytest.mark.usefixtures("anna")
@pytest.mark.parametrize(
    ("name", "password"),
    [("anna", "wrong"), ("nobody", PASSWORD), ("", ""), ("anna", ""), ("anna'--", PASSWORD),
     ("anna", "x" * 100_000), ("\0", "\0")],
)  # fmt: skip
def test_what_is_wrong_is_not_told_apart(public: httpx.Client, name: str, password: str) -> None:
    answer = log_in(public, name, password)
    assert answer.status_code == 401
    assert "Användarnamnet eller lösenordet stämmer inte." in answer.text
    assert SESSION not in public.cookies


@pytest.mark.parametrize(
    "onward",
    ["//elsewhere.example", "https://elsewhere.example", "/\\elsewhere.example", "elsewhere",
     "/\t/elsewhere.example", "javascript:alert(1)", "/" + "x" * 1000, ""],
)  # fmt: skip
@pytest.mark.usefixtures("anna")
def test_the_login_leads_nowhere_else(public: httpx.Client, onward: str) -> None:
    assert log_in(public, onward=onward).headers["Location"] == "/"
    assert public.get("/login", params={"next": onward}).headers["Location"] == "/"


@pytest.mark.usefixtures("anna")
def test_each_login_gets_a_session_of_its_own(public: httpx.Client) -> None:
    log_in(public)
    first = public.cookies[SESSION]
    public.cookies.clear()
    public.cookies.set(SESSION, first[::-1], domain="127.0.0.1")
    log_in(public)
    assert public.cookies[SESSION] not in {first, first[::-1]}


@pytest.mark.usefixtures("anna")
def test_after_logging_out_the_session_is_worth_nothing(public: httpx.Client) -> None:
    log_in(public)
    held = public.cookies[SESSION]
    answer = post(public, "/logout", "/account")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")
    assert SESSION not in public.cookies
    public.cookies.set(SESSION, held)
    assert public.get("/api/v1/sites").status_code == 401
    # Once more, as from another tab.
    assert public.post("/logout").status_code == 303


def test_a_session_ends_in_time(
    signed_in: SignedIn, engine: Engine, config: CollectorConfig
) -> None:
    browser = signed_in(Role.POLICE)
    assert browser.get("/live").status_code == 200
    over = timedelta(hours=config.access.session_hours)
    _age(engine, begun=over + timedelta(seconds=1))
    answer = browser.get("/site/ekskolan")
    assert answer.headers["Location"] == "/login?next=%2Fsite%2Fekskolan"
    login = browser.get(answer.headers["Location"])
    assert "Din inloggning har gått ut." in login.text


def test_a_session_ends_when_nothing_is_done_and_news_alone_are_nothing(
    signed_in: SignedIn, engine: Engine, config: CollectorConfig
) -> None:
    browser = signed_in(Role.POLICE)
    idle = timedelta(hours=config.access.idle_hours)
    _age(engine, seen=idle - timedelta(seconds=30))
    # As the page's own script asks.
    by_itself = {"Sec-Fetch-Dest": "empty"}
    assert browser.get("/live", headers=by_itself).status_code == 200
    _age(engine, seen=timedelta(seconds=31))
    refused = browser.get("/live", headers=by_itself)
    assert refused.status_code == 401
    assert "Logga in" in refused.text


def test_whoever_clicks_stays(signed_in: SignedIn, engine: Engine, config: CollectorConfig) -> None:
    browser = signed_in(Role.POLICE)
    _age(engine, seen=timedelta(hours=config.access.idle_hours) - timedelta(seconds=30))
    assert browser.get("/live", headers={"Sec-Fetch-Dest": "document"}).status_code == 200
    _age(engine, seen=timedelta(seconds=31))
    assert browser.get("/live").status_code == 200


def _age(engine: Engine, begun: timedelta = timedelta(), seen: timedelta = timedelta()) -> None:
    """Make all sessions older than they are."""
    table = tables.login_session
    with writing(engine) as connection:
        for row in connection.execute(select(table)).all():
            earlier = {"begun_at": row.begun_at - begun, "seen_at": row.seen_at - seen}
            connection.execute(update(table).where(table.c.key == row.key).values(earlier))


def test_whoever_is_disabled_or_removed_is_out_at_once(
    signed_in: SignedIn, accounts: Accounts
) -> None:
    police, technician = signed_in(Role.POLICE), signed_in(Role.TECHNICIAN)
    accounts.disable("police-1")
    accounts.remove("technician-1")
    for browser in (police, technician):
        assert browser.get("/api/v1/sites").status_code == 401
    accounts.enable("police-1")
    assert police.get("/api/v1/sites").status_code == 401


def test_another_role_holds_from_the_next_click_on(signed_in: SignedIn, accounts: Accounts) -> None:
    browser = signed_in(Role.POLICE)
    accounts.set_role("police-1", Role.SCHOOL)
    answer = browser.get("/site/ekskolan")
    assert answer.status_code == 403
    assert "Din roll har inte tillgång till sidan" in answer.text
    assert "Du är inloggad som skolpersonal" in answer.text


def test_a_changed_password_ends_all_other_sessions(
    app: FastAPI, signed_in: SignedIn, accounts: Accounts
) -> None:
    here, elsewhere = signed_in(Role.POLICE), signed_in(Role.POLICE)
    before = here.cookies[SESSION]
    answer = post(
        here, "/account/password", "/account",
        current=PASSWORD, new="nya ord som hör ihop", again="nya ord som hör ihop",
    )  # fmt: skip
    assert answer.status_code == 303
    assert "Lösenordet är bytt." in here.get(answer.headers["Location"]).text
    assert here.cookies.get(SESSION, domain="127.0.0.1") != before
    assert elsewhere.get("/api/v1/sites").status_code == 401
    assert accounts.check("police-1", PASSWORD) is None
    assert accounts.check("police-1", "nya ord som hör ihop") is not None


@pytest.mark.parametrize(
    ("current", "new", "again", "told"),
    [
        ("wrong", "nya ord som hör ihop", "nya ord som hör ihop", "Det nuvarande lösenordet"),
        (
            PASSWORD,
            "nya ord som hör ihop",
            "nya ord som hör isär",
            "De två nya lösenorden är olika",
        ),
        (PASSWORD, "kort", "kort", "för kort eller för lätt att gissa"),
        (PASSWORD, "police-1 police", "police-1 police", "för kort eller för lätt att gissa"),
    ],
)
def test_a_password_that_cannot_be_changed_stays(
    signed_in: SignedIn, accounts: Accounts, current: str, new: str, again: str, told: str
) -> None:
    browser = signed_in(Role.POLICE)
    answer = post(browser, "/account/password", "/account", current=current, new=new, again=again)
    assert answer.status_code == 422
    assert told in answer.text
    assert accounts.check("police-1", PASSWORD) is not None
    assert browser.get("/account").status_code == 200


def test_another_device_can_be_logged_out(signed_in: SignedIn) -> None:
    here, lost = signed_in(Role.POLICE), signed_in(Role.POLICE)
    other = signed_in(Role.TECHNICIAN)
    listed = here.get("/account").text
    assert listed.count("den här enheten") == 1
    (key,) = re.findall(r'name="key" value="(\w+)"', listed)
    post(other, "/account/sessions/end", "/account", key=key)
    assert lost.get("/account").status_code == 200
    assert post(here, "/account/sessions/end", "/account", key=key).status_code == 303
    assert lost.get("/account").status_code == 303
    assert here.get("/account").status_code == 200
