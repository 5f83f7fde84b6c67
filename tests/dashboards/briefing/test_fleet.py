"""The fleet's page tells a technician what needs a hand, and about-page what is measured at all."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import httpx

from collector.ledger.ledger import Received
from collector.ledger.verification import Refused
from collector.roles import Role
from tests import peers
from tests.dashboards.briefing.conftest import SignedIn, Town
from tests.dashboards.briefing.reading import page

OURS = ("/briefing", "/patrols", "/fleet", "/live", "/about")


def test_a_node_tells_its_state(town: Town, client: httpx.Client) -> None:
    calibrated = town.now - timedelta(days=84, hours=1)
    town.append(
        peers.health(
            "ekskolan-1", town.now, outbox_depth=7, calibrated_at=calibrated,
            clock_synchronised=False, clock_offset_s=1.25, microphone="dead",
        )
    )  # fmt: skip
    town.ledger.set_online("ekskolan-1", online=True, at=town.now)
    text = page(client, "/fleet")
    assert "1 av 3 mätnoder anslutna" in text
    first = text.partition("ekskolan-1")[2].partition("ekskolan-2")[0]
    assert "Mikrofonen fungerar inte. Åk dit och byt den." in first
    assert "Klockan är inte kontrollerad mot en tidsserver." in first
    assert "för 84 dagar sedan" in first
    assert "avvikelse 1,25 s" in first
    assert "7 meddelanden" in first
    assert "10,0 GB ledigt" in first
    assert "har inte berättat om sig själv ännu" in text


def test_coverage_and_outages_are_counted_from_what_was_measured(
    town: Town, client: httpx.Client
) -> None:
    hour = town.now.replace(minute=0, second=0)
    for ago in range(1, 25):
        if ago not in {5, 6}:
            start = hour - timedelta(hours=ago)
            town.append(peers.levels("ekskolan-1", start, interval_s=60, count=60))
    text = page(client, "/fleet").partition("ekskolan-1")[2].partition("ekskolan-2")[0]
    local = (hour - timedelta(hours=6)).astimezone(ZoneInfo("Europe/Stockholm"))
    assert "av det senaste dygnet" in text
    assert f"{local:%H}:00–" in text
    assert "Avbrott den senaste veckan" in text


def test_what_was_refused_is_counted_by_reason(town: Town, client: httpx.Client) -> None:
    assert "Inget har nekats." in page(client, "/fleet")
    for payload in (b"1", b"2"):
        received = Received("skolro/v1/ekskolan-1/event", payload, None, town.now)
        town.ledger.refuse(Refused(received, "unsigned", "the user property sig is missing"))
    assert town.ledger.refusals() == {"unsigned": 2}


def test_roles_find_their_pages_and_no_others(town: Town, signed_in: SignedIn) -> None:
    places = {
        Role.POLICE: ["/briefing", "/patrols", "/live", "/about"],
        Role.MUNICIPALITY: ["/briefing", "/patrols", "/fleet", "/live", "/about"],
        Role.TECHNICIAN: ["/fleet", "/live", "/about"],
    }
    for role, expected in places.items():
        browser = signed_in(role)
        nav = browser.get("/about").text.partition('class="places"')[2].partition("</nav>")[0]
        found = [part.partition('"')[0] for part in nav.split('href="')[1:]]
        assert [one for one in found if one in OURS] == expected
        assert browser.get("/").headers["Location"] == expected[0]
        for address in OURS:
            assert browser.get(address).status_code == (200 if address in expected else 403)


def test_about_is_for_everybody(public: httpx.Client) -> None:
    text = page(public, "/about")
    assert "Inget ljud spelas in" in text
    assert "Det är ingen dom." in text
    assert "No sound is recorded" in page(public, "/about?lang=en")
