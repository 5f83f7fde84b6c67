"""The pages tell where and when, in Swedish first, and never show what was not measured."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest
from fastapi import FastAPI

from collector.registry.registry import Site
from dashboards.briefing.app import STATIC
from dashboards.briefing.live_hub import Subject
from sensor.contract.messages import Source
from tests.dashboards.briefing.conftest import Town
from tests.dashboards.briefing.reading import page

STOCKHOLM = ZoneInfo("Europe/Stockholm")


def test_an_event_tells_where_and_when_how_loud_what_and_how_fast(
    town: Town, client: httpx.Client
) -> None:
    event = town.event("ekskolan-1", town.now - timedelta(minutes=1), lafmax_db=84.2)
    local = event.start.astimezone(STOCKHOLM)
    text = page(client)
    row = (
        f"{local:%H:%M:%S} Ekskolan 84,2 dB(A) moped eller motorcykel sannolikhet 80 % "
        "42 km/h 39–45, 95 % 4,0 s"
    )
    assert row in text
    assert "1 händelse i dag" in text or local.date() != datetime.now(STOCKHOLM).date()


def test_a_speed_that_could_not_be_measured_says_why(town: Town, client: httpx.Client) -> None:
    town.event("ekskolan-1", town.now, speed=None, speed_refused="two_vehicles", source=Source())
    assert "ej klassad kunde inte mätas: två fordon samtidigt" in page(client)


def test_days_are_local_days(town: Town, client: httpx.Client) -> None:
    # Half past eleven in the evening, UTC, is the next day in Stockholm.
    town.event("ekskolan-1", datetime(2026, 3, 14, 23, 30, tzinfo=UTC))
    assert "Söndag 15 mars" in page(client)
    assert "00:30:00" in page(client)


def test_english_by_choice_is_remembered(town: Town, client: httpx.Client) -> None:
    town.event("ekskolan-1", town.now, lafmax_db=84.2)
    assert "Senaste händelser" in page(client)
    english = page(client, "/live?lang=en")
    assert "Latest events" in english
    assert "84.2 dB(A) moped or motorcycle probability 80% 42 km/h" in english
    assert "Latest events" in page(client)
    assert '<html lang="en">' in client.get("/live").text
    assert "Senaste händelser" in page(client, "/live?lang=sv")
    assert "Senaste händelser" in page(client, "/live?lang=tlh")


def test_what_is_simulated_is_labelled_wherever_it_is_shown(
    town: Town, client: httpx.Client
) -> None:
    event = town.event("ekskolan-1", town.now, flags=("simulated", "wind_suspected"))
    assert "Simulerade mätdata" in page(client)
    row = page(client).partition(" dB(A) moped eller motorcykel ")[2]
    assert row.startswith("simulerad sannolikhet 80 % misstänkt vind")
    assert "Ekskolan simulerad" in page(client, "/site/ekskolan")
    assert "simulerad" in page(client, f"/event/{event.id}")
    assert "simulated" in page(client, "/live?lang=en")
    # At the other site nothing is.
    assert "Åskolan simulerad" not in page(client)
    assert "simulerad" not in page(client, "/site/askolan").lower()


def test_simulated_levels_label_their_node(town: Town, client: httpx.Client) -> None:
    town.levels("askolan-1", 5, 50.0, flags=("simulated",))
    assert "askolan-1 simulerad" in page(client)
    assert "ekskolan-1 simulerad" not in page(client)


def test_what_is_measured_is_not_called_simulated(town: Town, client: httpx.Client) -> None:
    town.event("ekskolan-1", town.now)
    town.levels("ekskolan-1", 2, 50.0)
    assert "simulerad" not in page(client).lower()


def test_nothing_measured_is_no_zero(town: Town, client: httpx.Client) -> None:
    text = page(client)
    assert "ingen mätning i dag" in text
    assert "Just nu (LAeq) ingen mätning Senaste timmen (LAeq) ingen mätning" in text
    assert "mättid 0 av 60 min" in text
    assert "0,0 dB" not in text
    assert "Ingen händelse har registrerats ännu" in text
    assert town.ledger.counts().messages == 0


def test_levels_stand_with_the_time_measured(town: Town, client: httpx.Client) -> None:
    for minutes_ago in range(1, 31):
        town.levels("ekskolan-1", minutes_ago, 80.0 if minutes_ago == 1 else 50.0)
    town.reading("ekskolan-1", 54.25)
    text = page(client)
    # The mean of 29 minutes of 50 dB and one of 80 dB, as energies, is 65.4 dB.
    assert "Just nu (LAeq) 54,2 dB(A) Senaste timmen (LAeq) 65,4 dB(A) mättid 30 av 60 min" in text


def test_a_day_without_events_but_with_measurement_says_so(
    town: Town, client: httpx.Client
) -> None:
    town.levels("askolan-1", 1, 50.0)
    local = (town.now - timedelta(minutes=1)).astimezone(STOCKHOLM)
    if local.date() == datetime.now(STOCKHOLM).date():
        assert "inga händelser i dag mättid" in page(client)


def test_an_old_live_reading_is_not_now(town: Town, client: httpx.Client) -> None:
    town.reading("ekskolan-1", 54.3)
    reading = town.live.latest("ekskolan-1")
    assert reading is not None
    town.live.update(type(reading)(node="ekskolan-1", time=town.now - timedelta(minutes=1),
                                   laeq_db=61.0, lafmax_db=63.0))  # fmt: skip
    assert "61,0" not in page(client)


def test_nodes_tell_whether_they_are_there(town: Town, client: httpx.Client) -> None:
    town.levels("ekskolan-1", 2, 50.0)
    town.ledger.set_online("ekskolan-1", online=True, at=town.now)
    town.ledger.set_online("ekskolan-2", online=False, at=town.now - timedelta(days=1))
    text = page(client)
    yesterday = (town.now - timedelta(days=1)).astimezone(STOCKHOLM)
    assert "ekskolan-1 ansluten, senaste kontakt" in text
    assert f"ekskolan-2 ej ansluten sedan i går kl. {yesterday:%H:%M}" in text
    assert "askolan-1 aldrig ansluten, ingen kontakt ännu" in text
    assert "1 av 2 mätnoder anslutna" in text


@pytest.mark.parametrize(
    ("address", "stream"),
    [
        ("/live", "/live/stream?lang=sv"),
        ("/site/ekskolan", "/live/stream?site=ekskolan&amp;lang=sv"),
    ],
)
def test_what_is_streamed_is_what_the_page_has(
    town: Town, app: FastAPI, client: httpx.Client, address: str, stream: str
) -> None:
    town.event("ekskolan-1", town.now)
    parts = re.compile(r'id="(part-[^"]+)"')
    whole = client.get(address).text
    fresh = app.state.live_hub.parts(Subject("sv", None if address == "/live" else "ekskolan"))
    assert parts.findall(whole)
    assert sorted(parts.findall(whole)) == sorted(parts.findall(fresh))
    assert f'data-live="{stream}"' in whole


def test_an_event_has_a_page_of_its_own(town: Town, client: httpx.Client) -> None:
    event = town.event("ekskolan-1", town.now, lafmax_db=84.2)
    text = page(client, f"/event/{event.id}")
    assert "Maximal ljudnivå (LAFmax) 84,2 dB(A)" in text
    assert "Ljudexponeringsnivå (LAE) 87,2 dB(A)" in text
    assert "Hastigheten mätt med två mikrofoner" in text


def test_names_are_text_and_nothing_else(town: Town, client: httpx.Client) -> None:
    town.registry.add_site(Site(id="odd", name='<script>alert("x")</script> & "Åsa"'))
    for address in ("/live", "/site/odd", "/patrols", "/about"):
        text = client.get(address).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;" in text


@pytest.mark.parametrize("address", ["/effect/ekskolan", "/event/0123456789abcdef", "/nothing"])
def test_what_is_not_there_is_said_on_a_page(client: httpx.Client, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 404
    assert "Sidan finns inte" in answer.text
    assert "There is no such page" in client.get(f"{address}?lang=en").text


@pytest.mark.parametrize("address", ["/site/nowhere", "/effect/nowhere", "/public/site/nowhere"])
def test_a_site_that_does_not_exist_leads_to_those_that_do(
    client: httpx.Client, public: httpx.Client, address: str
) -> None:
    text = client.get(address).text
    assert "Mätplatsen finns inte" in text
    assert '<a href="/site/askolan">Åskolan</a>' in text
    assert "There is no such site" in client.get(f"{address}?lang=en").text
    told = public.get("/public/site/nowhere")
    assert told.status_code == 404
    assert '<a href="/public/site/askolan">Åskolan</a>' in told.text


@pytest.mark.parametrize(
    "address", ["/", "/live", "/briefing", "/nothing", "/api/v1/sites", "/api/v1/x"]
)
def test_no_answer_lets_anything_in_or_out(client: httpx.Client, address: str) -> None:
    headers = client.get(address).headers
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_pages_keep_to_their_own_policy(town: Town, client: httpx.Client) -> None:
    town.event("ekskolan-1", town.now, flags=("simulated",))
    for address in ("/briefing", "/patrols", "/site/ekskolan", "/live", "/fleet", "/about", "/no"):
        html = client.get(address).text
        assert not re.search(r"\son\w+=|\sstyle=|<style|javascript:", html)
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", html))
        assert not re.search(r"""(?:src|href|srcset)=["'](?:https?:)?//""", html)
    for path in STATIC.iterdir():
        source = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|url\(", source), path.name


def test_without_any_measurement_there_is_no_plan(client: httpx.Client) -> None:
    text = page(client, "/briefing")
    assert "Ingen plan kan göras: ingenting är mätt det senaste halvåret." in text
    assert "Ingen mätning de senaste sju dygnen." in text
    assert "Ingen insats är loggad" in text
    assert "0,0" not in text
