"""Feeds give what the pages show, to whom they may, in the form that each program expects."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import httpx
import pytest
from icalendar import Calendar
from sqlalchemy import Engine

from collector.access_config import Access
from collector.config import CORE_CONTEXT, CollectorConfig, Page
from collector.registry.links import Links
from collector.roles import Role
from tests import peers
from tests.collector.commands.test_patterns import START, weeks_of
from tests.dashboards.briefing.conftest import SignedIn, Town
from tests.receivers import require_entity

WEEK = {"week": "2026-W45"}
NOISE = "urn:ngsi-ld:NoiseLevelObserved:ekskolan-1"
TRAFFIC = "urn:ngsi-ld:TrafficFlowObserved:ekskolan"


@pytest.fixture
def config(request: pytest.FixtureRequest) -> CollectorConfig:
    """One with an address; without public view where a test says so."""
    public_view = getattr(request, "param", True)
    return CollectorConfig(
        page=Page(base_url="https://buller.example.org"), access=Access(public_view=public_view)
    )


@pytest.fixture
def links(engine: Engine) -> Links:
    """The links: none yet."""
    return Links(engine)


@pytest.fixture
def measured(town: Town) -> Town:
    """Eight weeks with laps on Friday evenings."""
    node = peers.FakeNode("bjorkangen-1")
    node.register(town.registry, "ekskolan", START - timedelta(days=1))
    batch = [node.signed(one) for one in weeks_of(node.name, patrolled=False)]
    town.ledger.append(batch)
    return town


@pytest.fixture
def quarter(town: Town) -> Town:
    """A quarter of an hour that was just measured, with three passes in it."""
    for minute in range(-16, 15):
        start = town.now - timedelta(minutes=15 - minute)
        town.append(peers.levels("ekskolan-1", start, 55.0))
    return town


def windows(text: str) -> list[dict[str, str]]:
    """The rows of a table for programs."""
    return list(csv.DictReader(io.StringIO(text)))


def test_the_calendar_and_the_table_have_the_same_windows(
    measured: Town, signed_in: SignedIn
) -> None:
    police = signed_in(Role.POLICE)
    calendar = police.get("/feeds/patrols.ics", params=WEEK)
    table = police.get("/feeds/patrols.csv", params={**WEEK, "lang": "en"})
    assert calendar.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert table.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert 'filename="skolro-patrols.csv"' in table.headers["Content-Disposition"]
    events: list[Any] = list(Calendar.from_ical(calendar.content).walk("VEVENT"))
    assert events
    assert [f"{event.start:%Y-%m-%d %H:%M}" for event in events] == [
        row["from_local"] for row in windows(table.text)
    ]
    swedish = police.get("/feeds/patrols.csv", params=WEEK)
    assert swedish.content.startswith("\ufeffvecka;".encode())
    more = police.get("/feeds/patrols.csv", params={**WEEK, "lang": "en", "windows": 9, "hours": 3})
    assert len(windows(more.text)) > len(events)


def test_what_a_browser_has_is_not_sent_again(measured: Town, client: httpx.Client) -> None:
    first = client.get("/feeds/patrols.ics", params=WEEK)
    again = client.get(
        "/feeds/patrols.ics", params=WEEK, headers={"If-None-Match": first.headers["ETag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


def test_without_measurement_a_feed_is_empty(town: Town, client: httpx.Client) -> None:
    assert Calendar.from_ical(client.get("/feeds/patrols.ics").content).walk("VEVENT") == []
    assert windows(client.get("/feeds/patrols.csv?lang=en").text) == []


@pytest.mark.parametrize("role", Role)
def test_a_plan_is_for_those_who_may_see_it(town: Town, signed_in: SignedIn, role: Role) -> None:
    allowed = role in {Role.POLICE, Role.MUNICIPALITY, Role.ADMINISTRATOR}
    answer = signed_in(role).get("/feeds/patrols.csv")
    assert answer.status_code == (200 if allowed else 403)


def test_a_plan_is_not_public_and_a_program_is_told_so(town: Town, public: httpx.Client) -> None:
    for path in ("/feeds/patrols.ics", "/feeds/patrols.csv"):
        assert public.get(path).status_code == 401
        page = public.get(path, headers={"Sec-Fetch-Dest": "document"})
        assert (page.status_code, page.headers["Location"][:6]) == (303, "/login")


def test_a_link_opens_its_feed_until_it_is_revoked(
    measured: Town, public: httpx.Client, links: Links
) -> None:
    link, secret = links.add("patrols.ics", "Områdespolisens kalender")
    opened = public.get(f"/feeds/{secret}/patrols.ics", params=WEEK)
    assert Calendar.from_ical(opened.content).walk("VEVENT")
    assert public.get(f"/feeds/{secret}/patrols.csv").status_code == 404
    assert public.get(f"/feeds/{secret}/ngsi-ld/v1/entities?type=x").status_code == 404
    assert links.all("patrols.ics")[0].used_at is not None
    links.revoke(link.id, "patrols.ics")
    refused = public.get(f"/feeds/{secret}/patrols.ics")
    assert refused.status_code == 404
    assert "ask who gave it to you" in refused.json()["detail"]
    assert public.get(f"/feeds/{'x' * 32}/patrols.ics").status_code == 404


@pytest.mark.parametrize("query", ["week=2026-W60", "week=x", "windows=0", "hours=13"])
def test_nonsense_is_explained(town: Town, client: httpx.Client, query: str) -> None:
    answer = client.get(f"/feeds/patrols.csv?{query}")
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_sites_are_a_map_layer_for_everybody(quarter: Town, public: httpx.Client) -> None:
    answer = public.get("/feeds/sites.geojson")
    assert answer.headers["Content-Type"] == "application/geo+json"
    layer = answer.json()
    assert layer["type"] == "FeatureCollection"
    by_id: dict[str, Any] = {one["id"]: one for one in layer["features"]}
    ekskolan, askolan = by_id["ekskolan"], by_id["askolan"]
    assert ekskolan["geometry"] == {"type": "Point", "coordinates": [12.0, 57.4]}
    told = ekskolan["properties"]
    assert (told["laeq_db"], told["measured_s"], told["uncertainty_db"]) == (55.0, 900, 2.1)
    assert (askolan["geometry"], askolan["properties"]["laeq_db"]) == (None, None)
    assert "Åskolan" in answer.text


def ask(browser: httpx.Client, accept: str = "*/*", **params: str) -> httpx.Response:
    """Ask for entities."""
    return browser.get("/ngsi-ld/v1/entities", params=params, headers={"Accept": accept})


def passes(town: Town, count: int) -> None:
    """Let vehicles pass in the newest whole quarter."""
    now = town.now.timestamp()
    begins = town.now - timedelta(seconds=now % 900)
    last = peers.levels("ekskolan-1", begins - timedelta(minutes=15), 50.0, count=900)
    town.append(last)
    for number in range(count):
        town.event("ekskolan-1", begins - timedelta(minutes=14 - number))


def test_everybody_gets_quarters_without_small_counts_and_who_may_gets_all(
    town: Town, public: httpx.Client, signed_in: SignedIn, links: Links
) -> None:
    passes(town, 3)
    (hidden,) = ask(public, type="TrafficFlowObserved").json()
    assert (hidden["id"], hidden["intensityBelow"]["value"]) == (TRAFFIC, 5)
    assert "intensity" not in hidden
    (shown,) = ask(signed_in(Role.TECHNICIAN), type="TrafficFlowObserved").json()
    assert shown["intensity"]["value"] == 3
    assert "intensity" not in ask(signed_in(Role.SCHOOL), type="TrafficFlowObserved").json()[0]
    _, secret = links.add("ngsi-ld", "Kommunens dataplattform")
    linked = public.get(f"/feeds/{secret}/ngsi-ld/v1/entities?id={TRAFFIC}")
    assert linked.json()[0]["intensity"]["value"] == 3


def test_an_answer_is_json_that_points_to_its_context_or_holds_it(
    quarter: Town, public: httpx.Client
) -> None:
    plain = ask(public, type="NoiseLevelObserved")
    assert plain.headers["Content-Type"] == "application/json"
    assert plain.headers["Link"] == (
        f'<{CORE_CONTEXT}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
    )
    assert all("@context" not in one for one in plain.json())
    linked = ask(public, "application/ld+json", type="NoiseLevelObserved")
    assert linked.headers["Content-Type"] == "application/ld+json"
    assert "Link" not in linked.headers
    for one in linked.json():
        require_entity(one)
    (short,) = ask(public, options="keyValues", id=NOISE).json()
    assert (short["LAeq"], short["type"]) == (55.0, "NoiseLevelObserved")
    alone = public.get(f"/ngsi-ld/v1/entities/{NOISE}")
    assert alone.json()["LAeq"]["value"] == 55.0


def test_entities_are_asked_for_by_type_id_and_q_page_by_page(
    quarter: Town, public: httpx.Client
) -> None:
    both = ask(public, q="simulated==false")
    assert (len(both.json()), both.headers["NGSILD-Results-Count"]) == (2, "2")
    assert [one["id"] for one in ask(public, q="LAeq>54;LAeq<56").json()] == [NOISE]
    second = ask(public, type="NoiseLevelObserved,TrafficFlowObserved", limit="1", offset="1")
    assert [one["id"] for one in second.json()] == [TRAFFIC]
    assert ask(public, type="Building").json() == []


def test_problems_are_told_as_ngsi_ld_tells_them(quarter: Town, public: httpx.Client) -> None:
    for answer, status, kind in (
        (ask(public), 400, "BadRequestData"),
        (ask(public, q="LAeq~=.*"), 400, "BadRequestData"),
        (public.get("/ngsi-ld/v1/entities/urn:ngsi-ld:x:y"), 404, "ResourceNotFound"),
    ):
        assert answer.status_code == status
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["type"] == f"https://uri.etsi.org/ngsi-ld/errors/{kind}"
    assert ask(public, type="x", limit="0").status_code == 422


@pytest.mark.parametrize("config", [False], indirect=True)
def test_where_nothing_is_public_feeds_are_not(
    quarter: Town, public: httpx.Client, signed_in: SignedIn
) -> None:
    for path in (
        "/feeds/sites.geojson",
        "/ngsi-ld/v1/entities?type=x",
        f"/ngsi-ld/v1/entities/{NOISE}",
    ):
        assert public.get(path).status_code == 401
    assert signed_in(Role.TECHNICIAN).get("/feeds/sites.geojson").status_code == 200
    assert signed_in(Role.SCHOOL).get("/feeds/sites.geojson").status_code == 200
