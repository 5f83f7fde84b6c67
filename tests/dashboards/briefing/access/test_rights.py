"""Each role may what the table says, nobody is forgotten, and forms come from our own pages."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from collector.roles import Role
from dashboards.briefing.access.roles import MAY, Permission
from tests.dashboards.briefing.conftest import PASSWORD, SignedIn, csrf_of

FOR_EVERYBODY = {
    "/login", "/about", "/chart/vega.js", "/health", "/health/live", "/health/ready", "/metrics",
    "/openapi.json", "/public", "/public/site/ekskolan", "/public/chart/ekskolan.svg",
    "/api/v1/quarters",
    "/feeds/sites.geojson", "/ngsi-ld/v1/entities", "/ngsi-ld/v1/entities/x",
    *(f"/feeds/{'0' * 32}/{feed}" for feed in ("patrols.ics", "patrols.csv",
                                               "ngsi-ld/v1/entities")),
    f"/d/{'0' * 32}", f"/d/{'0' * 32}/1", f"/welcome/{'0' * 32}",
    "/releases/2.0/manifest.json", f"/releases/files/{'0' * 64}",
}  # fmt: skip
"""What anybody may get: whoever adds to it has thought of what it tells."""

SENT_BY_ANYBODY = {"/login", "/logout", f"/d/{'0' * 32}"}
"""Forms that do no harm when they are sent by somebody without a session, or need a secret."""

STANDS_FOR = {
    "site_id": "ekskolan", "event_id": "0" * 16, "number": "1", "stamp": "now",
    "secret": "0" * 32, "entity_id": "x", "job_id": "0" * 32, "node_id": "ekskolan-1",
    "quantity": "load",
    "version": "2.0", "name": "manifest.json", "sha256": "0" * 64,
}  # fmt: skip
"""What stands for parameters in addresses."""

BY_SCRIPT = {"Sec-Fetch-Dest": "empty"}


def addresses(app: FastAPI, method: str) -> set[str]:
    """Every address that answers that method, with something for each parameter in it."""
    found = set()
    for route in iter_route_contexts(app.routes):
        if route.path is not None and method in (route.methods or ()):
            path = route.path
            for name, value in STANDS_FOR.items():
                path = path.replace(f"{{{name}}}", value)
            assert "{" not in path, f"say above what stands for the parameters of {path}"
            found.add(path)
    return found


def test_nothing_is_shown_to_everybody_by_mistake(app: FastAPI, public: httpx.Client) -> None:
    every = addresses(app, "GET")
    assert every >= FOR_EVERYBODY
    for path in every - FOR_EVERYBODY:
        answer = public.get(path, headers=BY_SCRIPT)
        assert answer.status_code == 401, path
        assert answer.headers["WWW-Authenticate"].startswith("Session")


def test_nothing_is_done_without_a_token(app: FastAPI, signed_in: SignedIn) -> None:
    browser = signed_in(Role.ADMINISTRATOR)
    every = addresses(app, "POST")
    assert every >= SENT_BY_ANYBODY
    for path in every - SENT_BY_ANYBODY:
        answer = browser.post(path)
        assert answer.status_code == 403, path
        assert "Formuläret gäller inte längre" in answer.text
    assert browser.post("/logout").status_code == 403
    assert browser.get("/account").status_code == 200


def test_nothing_else_changes_anything(app: FastAPI) -> None:
    assert not any(addresses(app, method) for method in ("PUT", "PATCH", "DELETE"))


@pytest.mark.parametrize("role", Role)
def test_the_measurements_are_for_those_who_may_see_details(
    signed_in: SignedIn, role: Role
) -> None:
    browser = signed_in(role)
    allowed = role in MAY[Permission.SEE_DETAIL]
    assert allowed == (role != Role.SCHOOL)
    for path in ("/site/ekskolan", "/live", "/api/v1/events", "/api/v1/levels?node=ekskolan-1"):
        assert browser.get(path).status_code == (200 if allowed else 403), path
    if not allowed:
        answer = browser.get("/api/v1/events")
        assert answer.json()["detail"] == ("the role school may not do that: ask an administrator")


def test_every_right_is_somebodys() -> None:
    assert set(MAY) == set(Permission)
    assert all(MAY.values())
    assert all(Role.ADMINISTRATOR in roles for roles in MAY.values())


def test_programs_are_told_in_json_and_people_sent_to_the_login(public: httpx.Client) -> None:
    told = public.get("/api/v1/sites")
    assert (told.status_code, told.json()) == (401, {"detail": "log in first, at /login"})
    sent = public.get("/event/0123456789abcdef")
    assert sent.headers["Location"] == "/login?next=%2Fevent%2F0123456789abcdef"


class TestForms:
    """What is sent must come from a page of the same session."""

    def test_a_token_of_another_session_is_none(self, signed_in: SignedIn) -> None:
        one, other = signed_in(Role.POLICE), signed_in(Role.TECHNICIAN)
        token = csrf_of(other, "/account")
        assert one.post("/account/sessions/end", data={"csrf": token}).status_code == 403
        assert other.post("/account/sessions/end", data={"csrf": token}).status_code == 303

    def test_a_token_is_written_anew_on_each_page_and_both_hold(self, signed_in: SignedIn) -> None:
        browser = signed_in(Role.POLICE)
        tokens = {csrf_of(browser, "/account") for _ in range(3)}
        assert len(tokens) == 3
        for token in tokens:
            answer = browser.post("/account/sessions/end", headers={"X-CSRF-Token": token})
            assert answer.status_code == 303

    @pytest.mark.parametrize("token", ["", ".", "0.0", "å", "x" * 10_000, "\0"])
    def test_nonsense_is_no_token(self, signed_in: SignedIn, token: str) -> None:
        browser = signed_in(Role.POLICE)
        assert browser.post("/account/sessions/end", data={"csrf": token}).status_code == 403

    @pytest.mark.parametrize("site", ["cross-site", "same-site"])
    def test_what_another_site_sends_is_refused_whatever_it_knows(
        self, signed_in: SignedIn, site: str
    ) -> None:
        browser = signed_in(Role.POLICE)
        sent = {"csrf": csrf_of(browser, "/account")}
        answer = browser.post("/account/sessions/end", data=sent, headers={"Sec-Fetch-Site": site})
        assert answer.status_code == 403

    def test_a_login_from_elsewhere_logs_nobody_in(
        self, signed_in: SignedIn, public: httpx.Client
    ) -> None:
        signed_in(Role.POLICE)
        sent = {"name": "police-1", "password": PASSWORD}
        assert public.post("/login", data=sent).status_code == 403
        assert public.post("/login", data=sent | {"csrf": "0.0"}).status_code == 403

    def test_the_login_sent_twice_is_no_mistake(
        self, signed_in: SignedIn, public: httpx.Client
    ) -> None:
        signed_in(Role.POLICE)
        sent = {"name": "police-1", "password": PASSWORD, "csrf": csrf_of(public, "/login")}
        assert public.post("/login", data=sent).status_code == 303
        assert public.post("/login", data=sent).headers["Location"] == "/"

    def test_a_form_that_is_none_ends_in_a_page(self, signed_in: SignedIn) -> None:
        browser = signed_in(Role.POLICE)
        for content, kind in (
            (b"\xff\xfe%%%", "application/x-www-form-urlencoded"),
            (b"nothing of the kind", "multipart/form-data; boundary=x"),
            (b"nothing of the kind", "multipart/form-data"),
            (b"{}", "application/json"),
            (b"", "text/plain"),
        ):
            answer = browser.post(
                "/account/password", content=content, headers={"Content-Type": kind}
            )
            assert answer.status_code in {400, 403}, kind
            assert "<h1>" in answer.text, kind

    def test_a_file_in_place_of_a_text_ends_in_a_page(self, signed_in: SignedIn) -> None:
        browser = signed_in(Role.POLICE)
        token = csrf_of(browser, "/account")
        answer = browser.post(
            "/account/password", data={"csrf": token}, files={"current": b"a file"}
        )
        assert answer.status_code == 422
        assert "Formuläret går inte att förstå" in answer.text

    def test_an_expired_session_leads_back_to_the_page_of_the_form(
        self, app: FastAPI, signed_in: SignedIn, page_server: str
    ) -> None:
        browser = signed_in(Role.POLICE)
        sent = {"csrf": csrf_of(browser, "/account")}
        access = app.state.access
        account = access.accounts.account("police-1")
        for session in access.sessions.of(account):
            access.sessions.end(account, session.key)
        referrer = {"Referer": f"{page_server}/account"}
        answer = browser.post("/account/password", data=sent, headers=referrer)
        assert answer.status_code == 303
        assert answer.headers["Location"] == "/login?next=%2Faccount"
        assert "Din inloggning har gått ut." in browser.get(answer.headers["Location"]).text
