"""The fleet's page tells a technician what needs a hand, and about-page what is measured at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

from collector.certificates import Certificate
from collector.config import Broker, CollectorConfig
from collector.intake.subscriber import Subscriber
from collector.ledger.ledger import Received
from collector.ledger.verification import Refused
from collector.operations.certificate_watch import CertificateWatch
from collector.operations.heartbeat import Heartbeat
from collector.operations.operations import PARTS, Operations
from collector.roles import Role
from collector.writing import CODES, Code
from dashboards.briefing.language import language
from sensor.contract.messages import CalibrationCheck, draft
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
    assert "Klockan kontrolleras inte mot någon tidsserver. Kontrollera nodens nät." in first
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


def test_a_strip_shows_the_days_and_those_with_a_fault(town: Town, client: httpx.Client) -> None:
    noon = town.now.astimezone(ZoneInfo("Europe/Stockholm")).replace(hour=12, minute=0, second=0)
    for ago in range(1, 11):
        at = (noon - timedelta(days=ago)).astimezone(UTC)
        for hour in range(6):
            start = at + timedelta(hours=hour)
            town.append(peers.levels("ekskolan-1", start, interval_s=60, count=60))
        town.append(peers.health("ekskolan-1", at, under_voltage=ago == 3))
    html = client.get("/fleet").text
    card = html.partition(">ekskolan-1<")[2].partition(">ekskolan-2<")[0]
    assert card.count('class="strip-day"') == 30
    assert card.count('class="strip-measured"') == 9
    assert card.count('class="strip-fault"') == 1
    assert "De senaste 30 dygnen är " in card
    assert "Dygn med fel på mikrofon eller strömförsörjning: 1." in card


def test_a_node_has_a_page_of_its_own(town: Town, client: httpx.Client) -> None:
    at = town.now - timedelta(hours=2)
    checked = CalibrationCheck(
        **draft("ekskolan-1", at), calibrator_level_db=94.0, calibrator_serial="1",
        calibrator_certificate="1", measured_db=94.3, deviation_db=0.3,
        standard_deviation_db=0.02, frequency_hz=1000.0, sensitivity=1.0, result="ok",
    )  # fmt: skip
    town.append(checked)
    for ago in (3, 2, 1):
        town.append(
            peers.health(
                "ekskolan-1", town.now - timedelta(hours=ago), cpu_temperature_c=40.0 + ago,
                uptime_s=5.0, under_voltage=False, under_voltage_since_boot=True,
                throttled=False, throttled_since_boot=False, disk_errors=0, disk_worn_share=0.3,
                disk_read_only=False, microphone_replugged=2, microphone_lowest_db=21.5,
                outbox_oldest_s=5400.0, disk_written_bytes=10**9, root="read_only",
                root_used_share=0.123, system_current_at=at,
            )
        )  # fmt: skip
    text = page(client, "/fleet/ekskolan-1")
    assert "Spänningen har varit för låg sedan noden startades." in text
    assert "har varit för låg sedan start" in text
    assert "högst 30 % av livslängden använd" in text
    assert "tappad 2 gånger sedan start" in text
    assert "1,5 timmar" in text
    assert "skrivskyddad, 12 % av minnet för ändringar använt" in text
    assert "paketen aktuella " in text
    assert "Programmet har startat 3 gånger." in text
    assert "Nu 41 °C; 41 till 43, mitten 42." in text
    assert "Rapporterat 3 av " in text
    assert "0,3 dB" in text
    assert "noden behöver minst två grannar" in text
    assert "Inte rapporterat: bakgrundsnivå (laf90), mätprogrammets andel av en kärna" in text
    english = page(client, "/fleet/ekskolan-1?lang=en")
    assert "The voltage has been too low since the node was started." in english
    assert "at most 30% of its life used" in english


def test_a_node_that_tells_less_shows_less(town: Town, client: httpx.Client) -> None:
    text = page(client, "/fleet/askolan-1")
    assert "har inte berättat om sig själv ännu" in text
    assert "Noden har inte berättat om sig själv de senaste dygnen." in text
    assert "Ingen kontroll har gjorts." in text
    assert client.get("/fleet/nobody").status_code == 404


def test_what_an_older_node_does_not_tell_is_said_to_be_untold(
    town: Town, client: httpx.Client
) -> None:
    town.append(peers.health("ekskolan-2", town.now - timedelta(hours=1)))
    older = page(client, "/fleet/ekskolan-2")
    assert older.count("inte rapporterat") == 5
    assert "inget väntar" in older


def test_charts_of_a_node_are_drawn_with_gaps(town: Town, client: httpx.Client) -> None:
    for ago in (2, 3, 30, 31):
        at = town.now - timedelta(hours=ago)
        town.append(peers.health("ekskolan-1", at, cpu_temperature_c=70.0 + ago))
    query = "lang=sv&theme=light&width=narrow"
    drawn = client.get(f"/chart/node/ekskolan-1/temperature.svg?{query}")
    assert drawn.status_code == 200
    assert drawn.headers["Content-Type"].startswith("image/svg+xml")
    # The limit of 80 °C, and a line in two pieces.
    assert "stroke-dasharray" in drawn.text
    lines = [part for part in drawn.text.split("<path") if 'stroke-width="1.5"' in part]
    assert sum(part.partition(' d="')[2].partition('"')[0].count("M") for part in lines) == 2
    assert client.get(f"/chart/node/ekskolan-1/wishes.svg?{query}").status_code == 404
    assert client.get(f"/chart/node/nobody/load.svg?{query}").status_code == 404


def test_a_node_that_drifts_is_to_be_looked_at(town: Town, client: httpx.Client) -> None:
    town.node("ekskolan-3", "ekskolan")
    midnight = town.now.astimezone(ZoneInfo("Europe/Stockholm")).replace(hour=0, minute=0, second=0)
    for number in (1, 2, 3):
        name = f"ekskolan-{number}"
        made = [
            peers.levels(
                name,
                (midnight - timedelta(days=ago) + timedelta(hours=hour)).astimezone(UTC),
                interval_s=60,
                laf90_db=round(
                    35.0 - 5.0 * (number == 1 and ago < 25) + ago % 3 + 0.1 * (ago % number), 1
                ),
            )
            for ago in range(1, 60)
            for hour in range(3)
        ]
        town.ledger.append([town._nodes[name].signed(one) for one in made])
    card = page(client, "/fleet").partition("ekskolan-1")[2].partition("ekskolan-2")[0]
    assert "Bakgrundsnivån om natten har blivit 5,0 dB lägre jämfört med 2 grannar" in card
    own = page(client, "/fleet/ekskolan-1")
    assert "Titta på noden: den skiljer sig från sina grannar." in own
    assert "En byggplats intill kan se likadan ut" in own
    assert "Noden följer sina grannar." in page(client, "/fleet/ekskolan-2")


def test_what_was_refused_is_counted_by_reason(town: Town, client: httpx.Client) -> None:
    assert "Inget har nekats." in page(client, "/fleet")
    for payload in (b"1", b"2"):
        received = Received("skolro/v1/ekskolan-1/event", payload, None, town.now)
        town.ledger.refuse(Refused(received, "unsigned", "the user property sig is missing"))
    assert town.ledger.refusals() == {"unsigned": 2}


def test_what_is_wrong_with_the_server_is_said_in_the_readers_language(
    app: FastAPI, engine: Engine, town: Town, client: httpx.Client
) -> None:
    assert "Fel på servern" not in page(client, "/fleet")
    # One that nobody has started.
    subscriber = Subscriber(Broker(), town.ledger, town.live)
    app.state.operations = Operations(Heartbeat(engine, "one"), subscriber)
    assert {one.part for one in app.state.operations.problems()} == {"collector", "broker"}
    text = page(client, "/fleet")
    assert "Insamlingen står stilla. Se serverns logg och starta om tjänsten." in text
    assert "MQTT-servern svarar inte." in text
    assert "a thread of it has ended" in text
    assert "The MQTT broker does not answer." in page(client, "/fleet?lang=en")


def test_a_certificate_that_ends_soon_is_told_with_what_to_do(
    app: FastAPI, engine: Engine, town: Town, client: httpx.Client
) -> None:
    watch = CertificateWatch(CollectorConfig())
    app.state.operations = Operations(
        Heartbeat(engine, "one"), Subscriber(Broker(), town.ledger, town.live), (), watch
    )
    assert "certifikat" not in page(client, "/fleet")
    ends = datetime.now(UTC) + timedelta(days=20)
    watch.found = {"broker": Certificate(ends - timedelta(days=730), ends)}
    text = page(client, "/fleet")
    assert "MQTT-serverns certifikat gäller till" in text
    assert "skolro server renew" in text
    assert "The certificate of the MQTT broker holds until" in page(client, "/fleet?lang=en")


@pytest.mark.parametrize("code", CODES)
def test_every_part_of_the_server_has_words(code: Code) -> None:
    for part in (*PARTS, "output"):
        assert language(code).text(f"server_problem.{part}", part="influxdb")


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
