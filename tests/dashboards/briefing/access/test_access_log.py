"""The access log holds who looked at what, loses nothing in silence, and holds nobody up."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, text

from collector.access_log import AccessLog
from collector.registry.accounts import Accounts
from collector.roles import Role
from dashboards.briefing.access.access_log import AccessNotes
from dashboards.briefing.access.visitor import Visitor
from tests.dashboards.briefing.access.test_login import log_in, post
from tests.dashboards.briefing.conftest import PASSWORD, SignedIn
from tests.peers import wait_for

KEEP = timedelta(days=30)
NOBODY = Visitor(session=None, secret="", address="192.0.2.1")


@pytest.fixture
def stored(engine: Engine) -> AccessLog:
    """The log as its readers have it."""
    return AccessLog(engine, KEEP)


@pytest.fixture
def noted(app: FastAPI, stored: AccessLog) -> Callable[[], list[tuple[str | None, ...]]]:
    """All that was noted, the oldest first: account, role, what, of what, answer."""

    def read() -> list[tuple[str | None, ...]]:
        app.state.access.notes.close()
        return [
            (one.account, one.role, one.action, one.subject, str(one.status))
            for one in reversed(stored.newest())
        ]

    return read


def test_each_look_of_whoever_is_logged_in_is_noted_and_none_of_the_public(
    accounts: Accounts,
    public: httpx.Client,
    noted: Callable[[], list[tuple[str | None, ...]]],
) -> None:
    accounts.add("anna", Role.TECHNICIAN, PASSWORD)
    public.get("/site/ekskolan")
    log_in(public, "nobody-known-by-that-name")
    log_in(public, "anna", "wrong")
    log_in(public, "anna")
    public.get("/site/ekskolan?lang=en")
    public.get("/site/nowhere")
    public.get("/static/page.css")
    post(public, "/logout", "/account")
    public.get("/site/ekskolan")
    anna = ("anna", "technician")
    assert noted() == [
        (None, None, "login_failed", "/login", "401"),
        ("anna", None, "login_failed", "/login", "401"),
        ("anna", None, "login", "/login", "303"),
        (*anna, "view", "/site/ekskolan?lang=en", "200"),
        (*anna, "view", "/site/nowhere", "404"),
        (*anna, "view", "/account", "200"),
        (*anna, "send", "/logout", "303"),
    ]


def test_what_a_role_may_not_see_is_noted_as_refused(
    signed_in: SignedIn, noted: Callable[[], list[tuple[str | None, ...]]]
) -> None:
    signed_in(Role.SCHOOL).get("/api/v1/events?limit=5")
    assert noted() == [("school-1", "school", "view", "/api/v1/events?limit=5", "403")]


def test_a_page_that_is_left_open_is_one_look(
    signed_in: SignedIn, noted: Callable[[], list[tuple[str | None, ...]]]
) -> None:
    browser, other = signed_in(Role.POLICE), signed_in(Role.TECHNICIAN)
    for _ in range(5):
        browser.get("/live", headers={"Sec-Fetch-Dest": "empty"})
        other.get("/live", headers={"Sec-Fetch-Dest": "empty"})
    assert [one[0] for one in noted()] == ["police-1", "technician-1"]


def test_it_is_written_within_moments_while_the_server_runs(
    app: FastAPI, signed_in: SignedIn, stored: AccessLog
) -> None:
    app.state.access.notes.start()
    signed_in(Role.POLICE).get("/live")
    wait_for(lambda: len(stored.newest()) == 1)


def test_a_ledger_that_is_away_for_a_while_loses_nothing(
    engine: Engine, stored: AccessLog, caplog: pytest.LogCaptureFixture
) -> None:
    notes = AccessNotes(stored)
    notes.note(NOBODY, "login_failed", "/login", 401)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE access_log RENAME TO away"))
    notes.start()
    wait_for(lambda: "entries of the access log wait" in caplog.text)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE away RENAME TO access_log"))
    wait_for(lambda: len(stored.newest()) == 1)
    notes.close()


def test_what_finds_no_room_is_told_and_counted(
    stored: AccessLog, caplog: pytest.LogCaptureFixture
) -> None:
    notes = AccessNotes(stored, most_waiting=2)
    with caplog.at_level(logging.ERROR):
        for number in range(5):
            notes.note(NOBODY, "login_failed", f"/login?{number}", 401)
    assert [f"/login?{number}'" in caplog.text for number in range(5)] == [
        False, False, True, True, True,
    ]  # fmt: skip
    notes.close()
    lost, *kept = stored.newest()
    assert [one.subject for one in kept] == ["/login?1", "/login?0"]
    assert (lost.action, lost.subject[:9]) == ("lost", "3 entries")


def test_what_cannot_be_written_at_the_end_stands_in_the_servers_log(
    engine: Engine, stored: AccessLog, caplog: pytest.LogCaptureFixture
) -> None:
    notes = AccessNotes(stored)
    notes.note(NOBODY, "login_failed", "/login", 401)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE access_log"))
    notes.close()
    assert "not in the access log, so here: AccessEntry(" in caplog.text
