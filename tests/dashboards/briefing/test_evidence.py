"""Somebody asks for an evidence summary on a page, watches it being made, and gets it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, expect
from sqlalchemy import Engine

from collector.config import CollectorConfig, Evidence
from collector.evidence.authority_key import load_private_key, make_key
from collector.evidence.export_log import exports
from collector.evidence.request import Request
from collector.evidence.verify.seals import Expected
from collector.evidence.verify.verification import verify
from collector.roles import Role
from dashboards.briefing.access.roles import MAY, Permission
from dashboards.briefing.evidence_jobs import KEPT_S, MOST_OF_ONE, Jobs, TooManyError
from tests.dashboards.briefing.conftest import SignedIn, Town, csrf_of, served, session_of
from tests.dashboards.browser import findings, is_too_wide, needs_chromium, opened
from tests.peers import wait_for

_MADE_S = 120.0
WEEK = timedelta(days=7)


@pytest.fixture
def config(tmp_path: Path, database_url: str) -> CollectorConfig:
    key = tmp_path / "evidence.key"
    make_key(key)
    return CollectorConfig(
        ledger=database_url, evidence=Evidence(authority="Havsbro kommun", key_file=str(key))
    )


def request_of(town: Town) -> Request:
    """A week at Ekskolan."""
    midnight = town.now.replace(hour=0, minute=0, second=0)
    return Request(site="ekskolan", start=midnight - WEEK, end=midnight + timedelta(days=1))


def asked(town: Town, browser: httpx.Client, **changes: str) -> httpx.Response:
    """Send the form."""
    today = town.now.astimezone(ZoneInfo("Europe/Stockholm")).date()
    fields = {"site": "ekskolan", "first": f"{today - WEEK}", "last": f"{today}"}
    csrf = csrf_of(browser, "/evidence")
    return browser.post("/evidence", data={**fields, "csrf": csrf, **changes})


def test_a_summary_is_made_and_handed_out(
    town: Town, engine: Engine, signed_in: SignedIn, config: CollectorConfig, tmp_path: Path
) -> None:
    for minutes_ago in range(1, 30):
        town.levels("ekskolan-1", minutes_ago, 50.0)
    town.event("ekskolan-1", town.now - timedelta(minutes=5))
    browser = signed_in(Role.MUNICIPALITY)
    answer = asked(town, browser, question="Hur fort körs det?", reason="ärende 7")
    assert answer.status_code == 303
    page = answer.headers["Location"]
    assert re.fullmatch(r"/evidence/[0-9a-f]{32}", page)
    assert browser.get(f"{page}/download").status_code == 404
    wait_for(lambda: "Hämta ZIP-filen" in browser.get(page).text, _MADE_S, "no summary")
    got = browser.get(f"{page}/download")
    assert got.headers["Content-Type"] == "application/zip"
    assert "skolro-ekskolan-" in got.headers["Content-Disposition"]
    path = tmp_path / "got.zip"
    path.write_bytes(got.content)
    assert config.evidence is not None
    key = load_private_key(Path(config.evidence.key_file)).public_key()
    verdict = verify(path, Expected(key=key))
    assert verdict.holds
    assert verdict.identity
    assert page in browser.get("/evidence").text
    (note,) = exports(engine)
    assert (note.who, note.reason, note.site) == ("municipality-1", "ärende 7", "ekskolan")


def test_the_public_form_can_be_asked_for(
    town: Town, engine: Engine, signed_in: SignedIn, tmp_path: Path
) -> None:
    town.event("ekskolan-1", town.now - timedelta(minutes=5))
    browser = signed_in(Role.MUNICIPALITY)
    page = asked(town, browser, form="public").headers["Location"]
    wait_for(lambda: "Hämta ZIP-filen" in browser.get(page).text, _MADE_S, "no summary")
    path = tmp_path / "got.zip"
    path.write_bytes(browser.get(f"{page}/download").content)
    verdict = verify(path, Expected())
    assert verdict.holds
    assert verdict.check("public") is not None
    (note,) = exports(engine)
    assert note.public


def test_what_went_wrong_is_told(town: Town, signed_in: SignedIn, config: CollectorConfig) -> None:
    assert config.evidence is not None
    Path(config.evidence.key_file).unlink()
    browser = signed_in(Role.ADMINISTRATOR)
    page = asked(town, browser).headers["Location"]
    wait_for(lambda: "Kunde inte tas fram" in browser.get(page).text, _MADE_S, "no failure")
    assert "cannot read the key" in browser.get(page).text
    assert browser.get(f"{page}/download").status_code == 404


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"site": "nowhere"}, "Välj en av mätplatserna"),
        ({"first": "x"}, "Ange en första och en sista dag"),
        ({"first": "2026-11-22", "last": "2026-11-21"}, "Ange en första och en sista dag"),
        ({"first": "2020-01-01"}, "högst 400 dagar"),
        ({"last": "9999-12-31"}, "Ange en första och en sista dag"),
        ({"question": "x" * 301}, "Ange en första och en sista dag"),
        ({"question": "\x1b[2J"}, "Ange en första och en sista dag"),
    ],
)
def test_what_cannot_be_asked_is_told(
    town: Town, signed_in: SignedIn, changes: dict[str, str], told: str
) -> None:
    answer = asked(town, signed_in(Role.MUNICIPALITY), **changes)
    assert answer.status_code == 422
    assert told in answer.text


@pytest.mark.parametrize("role", Role)
def test_only_those_who_may_export_see_it(signed_in: SignedIn, role: Role) -> None:
    allowed = role in MAY[Permission.EXPORT_EVIDENCE]
    browser = signed_in(role)
    assert browser.get("/evidence").status_code == (200 if allowed else 403)
    assert ('href="/evidence"' in browser.get("/account").text) == allowed


def test_nobody_elses_summary_is_shown(town: Town, signed_in: SignedIn) -> None:
    page = asked(town, signed_in(Role.MUNICIPALITY)).headers["Location"]
    other = signed_in(Role.POLICE)
    for address in (page, f"/live{page}", f"{page}/download"):
        assert other.get(address).status_code == 404
    assert page not in other.get("/evidence").text


class TestUnconfigured:
    """Where nobody is named who exports."""

    @pytest.fixture
    def config(self, database_url: str) -> CollectorConfig:
        return CollectorConfig(ledger=database_url)

    def test_the_page_says_what_to_do(self, client: httpx.Client) -> None:
        text = client.get("/evidence").text
        assert "skolro evidence key" in text
        assert "<form" not in text


@pytest.fixture
def time_s() -> list[float]:
    """The time that jobs see."""
    return [0.0]


@pytest.fixture
def jobs(config: CollectorConfig, time_s: list[float]) -> Iterator[Jobs]:
    made = Jobs(config, lambda: time_s[0])
    yield made
    made.close()


def test_files_are_removed_after_a_while_and_at_the_end(
    town: Town, jobs: Jobs, time_s: list[float]
) -> None:
    town.levels("ekskolan-1", 5, 50.0)
    job = jobs.start("anna", "Ekskolan", request_of(town))
    wait_for(lambda: job.is_over, _MADE_S, "not made")
    assert job.state == "ready", job.error
    assert job.archive is not None
    time_s[0] = KEPT_S - 1
    assert jobs.find(job.id, "anna") is job
    time_s[0] = KEPT_S + 1
    assert jobs.find(job.id, "anna") is None
    assert not job.folder.exists()
    last = jobs.start("anna", "Ekskolan", request_of(town))
    jobs.close()
    assert not last.folder.parent.exists()


def test_one_person_cannot_take_all_turns(town: Town, jobs: Jobs) -> None:
    for _ in range(MOST_OF_ONE):
        jobs.start("anna", "Ekskolan", request_of(town))
    with pytest.raises(TooManyError):
        jobs.start("anna", "Ekskolan", request_of(town))
    assert jobs.start("bo", "Ekskolan", request_of(town)).state == "waiting"
    assert len(jobs.of("anna")) == MOST_OF_ONE


@needs_chromium
@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_an_open_page_follows_it_to_the_end(
    town: Town, app: FastAPI, chromium: Browser, size: str
) -> None:
    town.levels("ekskolan-1", 5, 50.0)
    cookies = session_of(app, Role.MUNICIPALITY)
    today = datetime.now(UTC).date()
    with served(app) as server, opened(chromium, server, cookies=cookies, size=size) as page:
        page.goto("/evidence?site=ekskolan")
        assert findings(page) == []
        assert not is_too_wide(page)
        page.fill("#first", f"{today - WEEK}")
        page.fill("#last", f"{today}")
        page.get_by_role("button", name="Ta fram").click()
        link = page.get_by_role("link", name="Hämta ZIP-filen")
        expect(link).to_be_visible(timeout=1000 * _MADE_S)
        assert findings(page) == []
        assert not is_too_wide(page)
        with page.expect_download() as download:
            link.click()
        assert download.value.suggested_filename.endswith("-sv.zip")
