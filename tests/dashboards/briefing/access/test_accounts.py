"""The administrator's pages: who may log in, what is refused, and what is noted."""

from __future__ import annotations

import re

import httpx
import pytest
from fastapi import FastAPI

from collector.registry.accounts import Accounts
from collector.roles import Role
from tests.dashboards.briefing.conftest import PASSWORD, SignedIn, csrf_of


@pytest.fixture
def browser(client: httpx.Client) -> httpx.Client:
    """Of the only administrator, ``administrator-1``."""
    return client


def send(
    browser: httpx.Client, path: str, page: str = "/accounts", **fields: str
) -> httpx.Response:
    """Send a form with a token from a page."""
    return browser.post(path, data={"csrf": csrf_of(browser, page), **fields})


def link_in(answer: httpx.Response) -> str:
    """The path of the link on the page."""
    found = re.search(r"<code>http://[^/]+(/welcome/[^<]+)</code>", answer.text)
    assert found is not None
    return found[1]


def changes(app: FastAPI) -> list[tuple[str | None, str]]:
    """Who did what to accounts, the oldest first."""
    newest = app.state.access.log.newest(action="account")
    return [(one.account, one.subject) for one in reversed(newest)]


def test_somebody_is_added_and_chooses_the_password(
    app: FastAPI, browser: httpx.Client, public: httpx.Client, accounts: Accounts
) -> None:
    answer = send(browser, "/accounts", name=" Bo.Ek ", role="school", site="ekskolan")
    assert answer.status_code == 200
    path = link_in(answer)
    assert path.rpartition("/")[2] not in browser.get("/accounts").text
    assert "väntar på att länken används" in browser.get("/accounts").text
    assert "ditt användarnamn är bo.ek" in public.get(path).text.casefold()
    token = csrf_of(public, path)
    for wrong in ({"new": "kort", "again": "kort"}, {"new": PASSWORD, "again": "annat"}):
        refused = public.post(path, data={"csrf": token, **wrong})
        assert refused.status_code == 422
        assert 'role="alert"' in refused.text
    done = public.post(path, data={"csrf": token, "new": PASSWORD, "again": PASSWORD})
    assert (done.status_code, done.headers["Location"]) == (303, "/")
    assert "bo.ek" in public.get("/account").text
    assert accounts.check("bo.ek", PASSWORD) is not None
    gone = public.get(path)
    assert gone.status_code == 404
    assert "Länken gäller inte längre" in gone.text
    assert changes(app) == [
        ("administrator-1", "add bo.ek school ekskolan"), ("administrator-1", "invite bo.ek"),
        ("bo.ek", "password bo.ek"),
    ]  # fmt: skip
    listed = browser.get("/accounts").text
    assert "bo.ek lades till som skolpersonal (Ekskolan)" in listed
    assert "bo.ek fick ett nytt lösenord" in listed


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"name": "", "role": "police"}, "Använd högst 100 bokstäver"),
        ({"name": "x" * 200, "role": "police"}, "Använd högst 100 bokstäver"),
        ({"name": "bo ek", "role": "police"}, "Använd högst 100 bokstäver"),
        ({"name": "Administrator-1", "role": "police"}, "finns redan ett konto"),
        ({"name": "bo", "role": "king"}, "Välj en av rollerna."),
        ({"name": "bo"}, "Välj en av rollerna."),
        ({"name": "bo", "role": "school", "site": "nowhere"}, "Välj en av mätplatserna."),
    ],
)
def test_nonsense_is_said_where_it_stands_and_adds_nobody(
    browser: httpx.Client, accounts: Accounts, fields: dict[str, str], told: str
) -> None:
    answer = send(browser, "/accounts", **fields)
    assert answer.status_code == 422
    assert told in answer.text
    assert "Kontot är inte tillagt." in answer.text
    assert [one.name for one in accounts.all()] == ["administrator-1"]


def test_a_site_counts_for_staff_alone(browser: httpx.Client, accounts: Accounts) -> None:
    send(browser, "/accounts", name="bo", role="police", site="ekskolan")
    assert accounts.account("bo").site is None


def test_another_role_holds_from_the_next_click_on(
    browser: httpx.Client, signed_in: SignedIn, accounts: Accounts
) -> None:
    other = signed_in(Role.POLICE)
    assert other.get("/fleet").status_code == 403
    number = accounts.account("police-1").id
    answer = send(browser, f"/accounts/{number}/role", role="technician")
    assert answer.headers["Location"] == f"/accounts/{number}?done=role"
    assert "Rollen är ändrad." in browser.get(answer.headers["Location"]).text
    assert other.get("/fleet").status_code == 200
    assert send(browser, f"/accounts/{number}/role", role="king").status_code == 422


def test_whoever_is_disabled_is_out_at_once_and_let_in_again(
    app: FastAPI, browser: httpx.Client, signed_in: SignedIn, accounts: Accounts
) -> None:
    other = signed_in(Role.POLICE)
    number = accounts.account("police-1").id
    assert other.get("/briefing").status_code == 200
    send(browser, f"/accounts/{number}/disable")
    assert other.get("/briefing").status_code == 303
    assert accounts.check("police-1", PASSWORD) is None
    assert "avstängt sedan" in browser.get("/accounts").text
    assert f"/accounts/{number}/invite" not in browser.get(f"/accounts/{number}").text
    # A page that was open since before.
    assert send(browser, f"/accounts/{number}/invite").headers["Location"].startswith("/accounts/")
    send(browser, f"/accounts/{number}/enable")
    assert accounts.check("police-1", PASSWORD) is not None
    assert changes(app) == [
        ("administrator-1", "disable police-1"), ("administrator-1", "enable police-1"),
    ]  # fmt: skip


def test_who_is_removed_is_gone_and_what_was_done_stays(
    app: FastAPI, browser: httpx.Client, signed_in: SignedIn, accounts: Accounts
) -> None:
    other = signed_in(Role.POLICE)
    number = accounts.account("police-1").id
    assert send(browser, f"/accounts/{number}/remove").headers["Location"] == "/accounts"
    assert other.get("/briefing").status_code == 303
    assert accounts.named("police-1") is None
    assert "police-1 togs bort" in browser.get("/accounts").text
    gone = browser.get(f"/accounts/{number}")
    assert gone.status_code == 404
    assert send(browser, f"/accounts/{number}/remove").status_code == 404


@pytest.mark.parametrize("what", ["role", "disable", "remove"])
def test_the_only_administrator_stays(browser: httpx.Client, accounts: Accounts, what: str) -> None:
    number = accounts.account("administrator-1").id
    answer = send(browser, f"/accounts/{number}/{what}", role="police")
    assert answer.status_code == 422
    assert "Det här är den enda administratören." in answer.text
    assert accounts.account("administrator-1").role == Role.ADMINISTRATOR


def test_a_forgotten_password_is_chosen_anew(
    browser: httpx.Client, signed_in: SignedIn, public: httpx.Client, accounts: Accounts
) -> None:
    other = signed_in(Role.POLICE)
    number = accounts.account("police-1").id
    path = link_in(send(browser, f"/accounts/{number}/invite"))
    assert other.get("/briefing").status_code == 200
    sent = {"csrf": csrf_of(public, path), "new": "helt nya ord här", "again": "helt nya ord här"}
    assert public.post(path, data=sent).status_code == 303
    assert other.get("/briefing").status_code == 303
    assert accounts.check("police-1", PASSWORD) is None


def test_a_link_is_used_from_its_own_page_only(
    browser: httpx.Client, public: httpx.Client, accounts: Accounts
) -> None:
    path = link_in(send(browser, "/accounts", name="bo", role="police"))
    assert public.post(path, data={"new": PASSWORD, "again": PASSWORD}).status_code == 403
    assert not accounts.account("bo").has_password


@pytest.mark.parametrize("secret", ["0" * 32, "x", "å" * 50, "%00"])
def test_a_link_that_opens_nothing_says_what_to_do(public: httpx.Client, secret: str) -> None:
    answer = public.get(f"/welcome/{secret}")
    assert answer.status_code == 404
    assert "Be den som gav dig länken om en ny." in answer.text


@pytest.mark.parametrize("role", [one for one in Role if one != Role.ADMINISTRATOR])
def test_nobody_else_gets_there(signed_in: SignedIn, role: Role) -> None:
    browser = signed_in(role)
    assert browser.get("/accounts").status_code == 403
    assert "/accounts" not in browser.get("/about").text
    token = csrf_of(browser, "/account")
    for path in ("/accounts", "/accounts/1/role", "/accounts/1/invite", "/accounts/1/remove"):
        answer = browser.post(path, data={"csrf": token, "name": "bo", "role": "police"})
        assert answer.status_code == 403, path


def test_ones_own_password_is_noted_too(app: FastAPI, browser: httpx.Client) -> None:
    new = "helt andra ord i en annan följd"
    sent = {"current": PASSWORD, "new": new, "again": new}
    assert send(browser, "/account/password", "/account", **sent).status_code == 303
    assert changes(app) == [("administrator-1", "password administrator-1")]


def test_what_is_secret_in_a_link_is_not_in_the_log(app: FastAPI, browser: httpx.Client) -> None:
    path = link_in(send(browser, "/accounts", name="bo", role="police"))
    assert browser.get(path).status_code == 200
    app.state.access.notes.close()
    told = str(app.state.access.log.newest())
    assert "/welcome/…" in told
    assert path not in told
