"""Everybody sees whole quarter-hours and nothing finer, from whichever side they look."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from collector.access_config import Access
from collector.config import CollectorConfig
from collector.roles import Role
from dashboards.briefing.quarters import QUARTER, last_whole
from tests.dashboards.briefing.conftest import SignedIn, Town
from tests.peers import levels

EVERYWHERE = ("/public", "/public/site/ekskolan", "/api/v1/quarters",
              "/public/chart/ekskolan.svg?lang=sv&theme=light&width=wide")  # fmt: skip


def quarters(browser: httpx.Client, site: str = "ekskolan") -> dict[datetime, dict[str, Any]]:
    """What the API tells of each quarter-hour at a site."""
    (told,) = browser.get("/api/v1/quarters", params={"site": site}).json()
    return {datetime.fromisoformat(one["start"]): one for one in told["quarters"]}


def measured(
    town: Town, start: datetime, minutes: int, laeq_db: float, node: str = "ekskolan-1"
) -> None:
    """Let a node measure so many minutes from a time on."""
    for minute in range(minutes):
        town.append(levels(node, start + timedelta(minutes=minute), laeq_db))


def test_a_quarter_is_told_when_it_is_over_and_was_measured(
    town: Town, public: httpx.Client
) -> None:
    end = last_whole(datetime.now(UTC))
    measured(town, end - QUARTER, 15, 60.0)
    measured(town, end - 2 * QUARTER, 7, 70.0)
    measured(town, end - 3 * QUARTER, 8, 50.0)
    told = quarters(public)
    # Between asking and now a quarter-hour may have ended.
    assert len(told) == 96
    assert max(told) <= datetime.now(UTC) - QUARTER
    assert told[end - QUARTER]["laeq_db"] == 60.0
    assert told[end - 2 * QUARTER] == {
        "start": told[end - 2 * QUARTER]["start"], "laeq_db": None, "measured_s": 420.0,
        "events": None,
    }  # fmt: skip
    assert told[end - 3 * QUARTER]["laeq_db"] == 50.0


def test_nodes_at_a_site_are_one_by_their_energy_and_time(town: Town, public: httpx.Client) -> None:
    end = last_whole(datetime.now(UTC))
    measured(town, end - QUARTER, 15, 60.0)
    measured(town, end - QUARTER, 15, 70.0, node="ekskolan-2")
    # The mean of 60 dB and 70 dB is 67.4 dB.
    assert quarters(public)[end - QUARTER]["laeq_db"] == 67.4


@pytest.mark.parametrize(("count", "told"), [(0, None), (1, None), (4, None), (5, 5), (6, 6)])
def test_few_events_are_not_counted_out(
    town: Town, public: httpx.Client, count: int, told: int | None
) -> None:
    start = last_whole(datetime.now(UTC)) - QUARTER
    measured(town, start, 15, 60.0)
    for second in range(count):
        town.event("ekskolan-1", start + timedelta(seconds=10 * second))
    assert quarters(public)[start]["events"] == told
    page = public.get("/public/site/ekskolan").text
    assert ("färre än 5</td>" in page) == (told is None)
    assert (f"<td>{count}</td>" in page) == (told is not None)


def test_nothing_of_a_single_event_or_of_this_moment_is_shown_anywhere(
    town: Town, public: httpx.Client
) -> None:
    end = last_whole(datetime.now(UTC))
    before = [public.get(path).text for path in EVERYWHERE]
    events = [
        town.event("ekskolan-1", at, lafmax_db=91.7)
        for at in (end - timedelta(minutes=5), datetime.now(UTC) - timedelta(seconds=1))
    ]
    town.reading("ekskolan-1", 87.3)
    town.ledger.set_online("ekskolan-1", online=True, at=town.now)
    for path, earlier in zip(EVERYWHERE, before, strict=True):
        answer = public.get(path)
        assert answer.status_code == 200
        for secret in (
            *(event.id for event in events), "91,7", "91.7", "87,3", "87.3", "ekskolan-1",
            "lafmax", "LAFmax", "km/h",
        ):  # fmt: skip
            assert secret not in answer.text, (path, secret)
        assert len(answer.text) == pytest.approx(len(earlier), abs=300)


def test_whoever_may_not_see_the_start_page_is_shown_the_public_one(
    public: httpx.Client, signed_in: SignedIn
) -> None:
    assert public.get("/").headers["Location"] == "/public"
    assert signed_in(Role.SCHOOL).get("/").headers["Location"] == "/public"
    assert signed_in(Role.POLICE).get("/").headers["Location"] == "/briefing"
    page = public.get("/public").text
    assert "Logga in för att se mer" in page
    assert "Ekskolan" in page
    assert "Logga in" not in signed_in(Role.SCHOOL).get("/public").text


def test_it_is_labelled_where_it_is_simulated(town: Town, public: httpx.Client) -> None:
    end = last_whole(datetime.now(UTC))
    town.append(levels("askolan-1", end - timedelta(minutes=5), 50.0, flags=("simulated",)))
    assert "Simulerade mätdata" in public.get("/public").text
    assert "Simulerade mätdata" not in public.get("/public/site/ekskolan").text
    told = {one["site"]: one["simulated"] for one in public.get("/api/v1/quarters").json()}
    assert told == {"askolan": True, "ekskolan": False}


def test_what_is_not_there_is_said(public: httpx.Client) -> None:
    assert public.get("/public/site/nowhere").status_code == 404
    assert public.get("/api/v1/quarters?site=nowhere").status_code == 404
    assert public.get("/api/v1/quarters?site=..").status_code == 422
    assert public.get("/public/chart/nowhere.svg?lang=sv&theme=light&width=wide").status_code == 404


class TestClosed:
    """Where the municipality shows nothing without a login."""

    @pytest.fixture
    def config(self) -> CollectorConfig:
        """No public view."""
        return CollectorConfig(access=Access(public_view=False))

    def test_there_is_only_the_login(self, public: httpx.Client, signed_in: SignedIn) -> None:
        assert public.get("/").headers["Location"] == "/login"
        assert public.get("/public").headers["Location"] == "/login?next=%2Fpublic"
        assert public.get("/api/v1/quarters").status_code == 401
        assert signed_in(Role.SCHOOL).get("/public").status_code == 200
