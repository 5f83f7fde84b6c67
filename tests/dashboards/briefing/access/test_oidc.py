"""Login by a real OpenID provider over HTTP: discovery, code flow with PKCE, signature, nonce."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI

from collector.access_config import Access, Oidc
from collector.config import CollectorConfig, Http
from collector.registry.accounts import Accounts
from collector.roles import Role
from tests.dashboards.briefing.conftest import PASSWORD
from tests.peers import free_port, wait_for

POLICE, ADMIN = "skolro-polis", "skolro-admin"
USERS: tuple[dict[str, Any], ...] = (
    {"sub": "1001", "email": "anna@polisen.example", "groups": ["alla", POLICE]},
    {"sub": "1002", "email": "bo@kommunen.example", "groups": ["alla", POLICE, ADMIN]},
    {"sub": "1003", "email": "cilla@kommunen.example", "groups": ["alla"]},
    {"sub": "1004", "email": "dan@x.example", "groups": POLICE, "email_verified": False},
)
ROLES = {ADMIN: Role.ADMINISTRATOR, POLICE: Role.POLICE}
SECRET = "s3cret"  # noqa: S105 - of nobody outside the tests
SESSION = "skolro-session"


@contextmanager
def running(port: int) -> Iterator[str]:
    """A provider in a process of its own, and its issuer."""
    users = [word for user in USERS for word in ("--user-claims", json.dumps(user))]
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port),
         "--require-nonce", "true", *users],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    issuer = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: _answers(issuer), timeout_s=60, what="the provider does not answer")
        yield issuer
    finally:
        process.terminate()
        process.wait(20)


def _answers(issuer: str) -> bool:
    try:
        return (
            httpx.get(f"{issuer}/.well-known/openid-configuration", timeout=60).status_code == 200
        )
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """A provider that runs."""
    with running(free_port()) as address:
        yield address


@pytest.fixture
def oidc(issuer: str) -> Oidc:
    """How the server knows it."""
    return Oidc(
        issuer=issuer, client_id="skolro", client_secret=SECRET, label="kommunens konto",
        roles=ROLES,
    )  # fmt: skip


@pytest.fixture
def config(oidc: Oidc) -> CollectorConfig:
    """People reach the server by an address of its own."""
    return CollectorConfig(http=Http(base_url="http://skolro.example"), access=Access(oidc=oidc))


def leave(browser: httpx.Client, onward: str = "/site/ekskolan") -> str:
    """Go to the provider, and return the address of its login."""
    answer = browser.get("/login/oidc", params={"next": onward})
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def log_in_there(address: str, sub: str) -> str:
    """Log in with the provider, and return where it sends the browser: a path with its query."""
    answer = httpx.post(address, data={"sub": sub}, timeout=60)
    assert answer.status_code == 302, answer.text
    back = urlsplit(answer.headers["Location"])
    assert (back.scheme, back.netloc) == ("http", "skolro.example")
    return f"{back.path}?{back.query}"


def by_provider(browser: httpx.Client, sub: str) -> httpx.Response:
    """The whole way."""
    return browser.get(log_in_there(leave(browser), sub))


def test_the_login_page_offers_it(public: httpx.Client) -> None:
    page = public.get("/login?next=/site/ekskolan").text
    assert "Logga in med kommunens konto" in page
    assert 'href="/login/oidc?next=/site/ekskolan"' in page


def test_whoever_has_a_role_there_gets_an_account_and_goes_on(
    public: httpx.Client, accounts: Accounts, issuer: str
) -> None:
    answer = by_provider(public, "1001")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/site/ekskolan")
    assert public.get("/site/ekskolan").status_code == 200
    account = accounts.account("anna@polisen.example")
    assert (account.role, account.issuer, account.subject) == (Role.POLICE, issuer, "1001")
    assert not account.has_password
    assert accounts.check(account.name, "") is None


def test_the_first_role_in_the_configuration_counts(
    public: httpx.Client, accounts: Accounts
) -> None:
    by_provider(public, "1002")
    assert accounts.account("bo@kommunen.example").role == Role.ADMINISTRATOR


def test_it_is_asked_for_a_code_with_pkce_state_and_nonce(public: httpx.Client) -> None:
    asked = parse_qs(urlsplit(leave(public)).query)
    assert asked["response_type"] == ["code"]
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == ["http://skolro.example/login/oidc/callback"]
    other = parse_qs(urlsplit(leave(public)).query)
    for fresh in ("state", "nonce", "code_challenge"):
        assert asked[fresh] != other[fresh]
        assert len(asked[fresh][0]) >= 43
    assert public.cookies["skolro-form"] not in str(asked)


def test_the_same_person_again_has_the_same_account_in_the_role_of_today(
    app: FastAPI, public: httpx.Client, accounts: Accounts
) -> None:
    by_provider(public, "1001")
    first = accounts.account("anna@polisen.example")
    accounts.set_role(first.name, Role.TECHNICIAN)
    public.cookies.clear()
    by_provider(public, "1001")
    assert accounts.account(first.name) == first
    assert len(accounts.all()) == 1


def test_whoever_has_no_role_here_is_told_so(public: httpx.Client, accounts: Accounts) -> None:
    answer = by_provider(public, "1003")
    assert answer.status_code == 403
    assert "Du har inte tillgång till Skolro" in answer.text
    assert SESSION not in public.cookies
    assert accounts.all() == []


def test_an_address_that_nobody_verified_names_nobody(
    public: httpx.Client, accounts: Accounts
) -> None:
    by_provider(public, "1004")
    assert [one.name for one in accounts.all()] == ["1004"]


def test_an_account_with_a_password_is_not_taken_over(
    public: httpx.Client, accounts: Accounts
) -> None:
    accounts.add("anna@polisen.example", Role.ADMINISTRATOR, PASSWORD)
    assert by_provider(public, "1001").status_code == 403
    assert accounts.account("anna@polisen.example").subject is None


def test_one_that_was_added_for_it_is_linked_and_no_one_elses(
    public: httpx.Client, accounts: Accounts
) -> None:
    accounts.add("anna@polisen.example", Role.POLICE, None)
    assert by_provider(public, "1001").status_code == 303
    assert accounts.account("anna@polisen.example").subject == "1001"


def test_whoever_is_disabled_here_is_not_let_in_by_anybody(
    public: httpx.Client, accounts: Accounts
) -> None:
    by_provider(public, "1001")
    accounts.disable("anna@polisen.example")
    public.cookies.clear()
    assert by_provider(public, "1001").status_code == 403


class TestOnlyKnown:
    """Where an administrator adds every account."""

    @pytest.fixture
    def oidc(self, issuer: str) -> Oidc:
        """No account by itself."""
        return Oidc(
            issuer=issuer, client_id="skolro", client_secret=SECRET, roles=ROLES,
            add_accounts=False,
        )  # fmt: skip

    def test_nobody_gets_an_account_by_itself(
        self, public: httpx.Client, accounts: Accounts
    ) -> None:
        assert by_provider(public, "1001").status_code == 403
        assert accounts.all() == []
        accounts.add("anna@polisen.example", Role.POLICE, None)
        public.cookies.clear()
        assert by_provider(public, "1001").status_code == 303


class TestForged:
    """What does not come from what this browser began is not believed."""

    def test_another_browser_cannot_come_back(self, public: httpx.Client, page_server: str) -> None:
        back = log_in_there(leave(public), "1001")
        with httpx.Client(base_url=page_server, timeout=60) as other:
            assert other.get(back).status_code == 403
            leave(other)
            answer = other.get(back)
        assert answer.status_code == 403
        assert "Formuläret gäller inte längre" in answer.text

    @pytest.mark.parametrize("state", ["", "x", "..", "a.b.c", "å", "x" * 5000])
    def test_a_state_that_is_none(self, public: httpx.Client, state: str) -> None:
        leave(public)
        answer = public.get("/login/oidc/callback", params={"code": "x", "state": state})
        assert answer.status_code == 403

    def test_a_state_that_leads_elsewhere(self, public: httpx.Client) -> None:
        back = log_in_there(leave(public, "//elsewhere.example"), "1001")
        assert public.get(back).headers["Location"] == "/"

    def test_a_code_that_is_none_or_was_used(self, public: httpx.Client) -> None:
        back = log_in_there(leave(public), "1001")
        forged = re.sub(r"code=[^&]+", "code=nothing", back)
        answer = public.get(forged)
        assert answer.status_code == 502
        assert "Inloggningstjänsten svarar inte som den ska" in answer.text
        held = public.cookies["skolro-form"]
        assert public.get(back).status_code == 303
        public.cookies.clear()
        public.cookies.set("skolro-form", held)
        assert public.get(back).status_code == 502

    def test_a_code_that_another_login_was_given(self, public: httpx.Client) -> None:
        """Its nonce and its verifier are another's: code injection."""
        theirs = parse_qs(urlsplit(log_in_there(leave(public), "1002")).query)["code"][0]
        mine = log_in_there(leave(public), "1001")
        assert public.get(re.sub(r"code=[^&]+", f"code={theirs}", mine)).status_code == 502
        assert SESSION not in public.cookies

    def test_whoever_says_no_there_is_back_at_the_login(self, public: httpx.Client) -> None:
        answer = httpx.post(leave(public), data={"action": "deny"}, timeout=60)
        back = urlsplit(answer.headers["Location"])
        assert public.get(f"{back.path}?{back.query}").headers["Location"] == "/login"


class TestAway:
    """The provider does not answer, or is another."""

    @pytest.fixture
    def oidc(self) -> Oidc:
        """Nobody is there."""
        return Oidc(issuer=f"http://127.0.0.1:{free_port()}", client_id="skolro", roles=ROLES)

    def test_it_is_said_and_passwords_still_hold(
        self, public: httpx.Client, caplog: pytest.LogCaptureFixture
    ) -> None:
        answer = public.get("/login/oidc")
        assert answer.status_code == 502
        assert "Inloggningstjänsten svarar inte som den ska" in answer.text
        assert "cannot be asked" in caplog.text
        assert public.get("/login").status_code == 200


class TestOther:
    """The issuer is written otherwise than it calls itself."""

    @pytest.fixture
    def oidc(self, issuer: str) -> Oidc:
        """With a slash too many."""
        return Oidc(issuer=f"{issuer}/", client_id="skolro", roles=ROLES)

    def test_it_is_said(self, public: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
        assert public.get("/login/oidc").status_code == 502
        assert "exactly as the provider does" in caplog.text
