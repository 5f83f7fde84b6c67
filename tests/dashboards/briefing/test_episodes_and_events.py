"""An episode gives its reasons and passes no verdict; an event shows whether it is unaltered."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import Engine, update

from collector.database.tables import message
from collector.registry.registry import Guideline, SpeedLimit
from dashboards.briefing.page_templates import episode_address
from sensor.contract.messages import Source, Speed
from tests.collector.check.tampering import unguarded
from tests.dashboards.briefing.conftest import Town
from tests.dashboards.briefing.reading import page

SECOND = timedelta(seconds=1)


def laps(town: Town) -> str:
    """Let six laps be driven at Ekskolan, a bus pass and something unsure; the episode's page."""
    # No episode reaches over 03:00 UTC, whenever the test runs.
    start = (town.now - timedelta(days=1)).replace(hour=18, minute=0, second=0)
    for lap in range(6):
        speed = Speed(
            speed_kmh=52.0, low_kmh=48.0, high_kmh=56.0, direction=(1, -1)[lap % 2],
            method="stereo",
        )  # fmt: skip
        town.event("ekskolan-1", start + 90 * lap * SECOND, speed=speed, lafmax_db=80.0 + lap)
    town.event(
        "ekskolan-1", start + 130 * SECOND, source=Source(kind="heavy_vehicle", probability=0.7)
    )
    town.event(
        "ekskolan-1", start + 220 * SECOND, source=Source(kind="unsure", probability=0.3),
        speed=None, speed_refused="too_quiet",
    )  # fmt: skip
    return episode_address("ekskolan", start)


def test_an_episode_has_reasons_passes_and_no_verdict(town: Town, client: httpx.Client) -> None:
    text = page(client, laps(town))
    assert "Upprepade passager: 6 gånger inom 8 min." in text
    assert "Misstänkt buskörning. Det är en förklaring till mönstret, ingen dom" in text
    assert "Den kan inte säga om det var samma fordon" in text
    assert "Passager 6 och 1 obekräftad" in text
    assert text.count("52 km/h 48–56, 95 %") == 6
    assert "räknas inte: tungt fordon" in text
    assert "räknas inte: obekräftad källa" in text
    assert "kunde inte mätas: för svagt ljud" in text
    assert "bevis" not in text.lower()


def test_a_site_lists_its_episodes_and_an_event_leads_to_its_own(
    town: Town, client: httpx.Client
) -> None:
    address = laps(town)
    assert address in client.get("/site/ekskolan").text
    (newest, *_) = town.ledger.events(site="ekskolan", limit=1)
    assert address in client.get(f"/event/{newest.id}").text


@pytest.mark.parametrize(
    "address",
    ["/episode/ekskolan/20261122T200000000000Z", "/episode/ekskolan/nonsense"],
)
def test_an_episode_that_is_not_there(client: httpx.Client, address: str) -> None:
    assert "Sidan finns inte" in page(client, address, 404)


def test_an_episode_of_a_site_that_is_not_there(client: httpx.Client) -> None:
    assert "Mätplatsen finns inte" in page(client, "/episode/no/x", 404)


def test_an_event_shows_that_it_is_unaltered(town: Town, client: httpx.Client) -> None:
    event = town.event("ekskolan-1", town.now)
    text = page(client, f"/event/{event.id}")
    assert "Kontrollerat: oförändrat." in text
    stored = town.ledger.message(event.position)
    check = town.ledger.check_message(event.position)
    assert stored is not None
    assert check is not None
    assert f"nummer {stored.seq} från ekskolan-1" in text
    assert check.sha256 in text


def test_an_event_that_somebody_altered_says_so(
    town: Town, client: httpx.Client, engine: Engine
) -> None:
    event = town.event("ekskolan-1", town.now)
    stored = town.ledger.message(event.position)
    assert stored is not None
    with unguarded(engine) as connection:
        payload = stored.payload.replace(b'"lafmax_db":82.0', b'"lafmax_db":62.0')
        assert payload != stored.payload
        chosen = update(message).where(message.c.position == event.position)
        connection.execute(chosen.values(payload=payload))
    text = page(client, f"/event/{event.id}")
    assert "Kontrollerat: ändrat." in text
    assert "oförändrat" not in text.partition("Är mätningen oförändrad?")[2]
    assert "Verified: altered." in page(client, f"/event/{event.id}?lang=en")


def test_what_cannot_be_read_any_more_is_altered_too(
    town: Town, client: httpx.Client, engine: Engine
) -> None:
    event = town.event("ekskolan-1", town.now)
    with unguarded(engine) as connection:
        chosen = update(message).where(message.c.position == event.position)
        connection.execute(chosen.values(payload=b"{}"))
    text = page(client, f"/event/{event.id}")
    assert "Kontrollerat: ändrat." in text
    assert "Nivån sekund för sekund finns inte kvar." in text


def test_a_pruned_event_keeps_its_hash(town: Town) -> None:
    event = town.event("ekskolan-1", town.now - SECOND)
    # The newest message of a node stays.
    town.event("ekskolan-1", town.now)
    check = town.ledger.check_message(event.position)
    assert check is not None
    assert town.ledger.prune("event", town.now + timedelta(days=1)) == 1
    after = town.ledger.check_message(event.position)
    assert after is not None
    assert (after.pruned, after.holds, after.sha256) == (True, True, check.sha256)


@pytest.mark.parametrize(
    ("low_kmh", "says"), [(43.5, "över, med marginal"), (42.0, "inte säkert över")]
)
def test_over_the_limit_counts_the_margin_and_the_speeds_own_uncertainty(
    town: Town, client: httpx.Client, low_kmh: float, says: str
) -> None:
    since = town.now - timedelta(days=1)
    town.registry.add_speed_limit(SpeedLimit(site="ekskolan", kmh=40, since=since))
    speed = Speed(speed_kmh=47.0, low_kmh=low_kmh, high_kmh=51.0, direction=1, method="radar")
    event = town.event("ekskolan-1", town.now, speed=speed)
    assert f"gällande gräns 40 km/h: {says}" in page(client, f"/event/{event.id}")


def test_flags_are_explained(town: Town, client: httpx.Client) -> None:
    event = town.event("ekskolan-1", town.now, flags=("overload", "wind_suspected"))
    text = page(client, f"/event/{event.id}")
    assert "Den verkliga nivån var högre." in text
    assert "Vind mot mikrofonen kan ha höjt nivåerna." in text


def test_charts_of_an_event_are_drawn_and_missing_ones_are_not_there(
    town: Town, client: httpx.Client
) -> None:
    event = town.event("ekskolan-1", town.now, bands_db={"25": 40.0, "31.5": None, "1000": 60.0})
    for kind in ("trace", "spectrum"):
        answer = client.get(f"/chart/{kind}/{event.id}.svg?lang=sv&theme=light&width=narrow")
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/svg+xml")
        assert answer.text.startswith("<svg")
    without = town.event("ekskolan-1", town.now - SECOND)
    missing = client.get(f"/chart/spectrum/{without.id}.svg?lang=sv&theme=dark&width=wide")
    assert missing.status_code == 404


def test_a_site_without_measurement_says_so_and_shows_no_zero(
    town: Town, client: httpx.Client
) -> None:
    town.registry.set_guideline(
        Guideline(site="askolan", quantity="laeq_24h", value_db=55.0, source="test")
    )
    text = page(client, "/site/askolan")
    assert text.count("Ingen mätning.") == 3
    assert "Ingen hastighet har mätts" in text
    assert "0,0" not in text
    assert "168 av veckans 168 timmar är mätta för lite" in text


def test_measured_without_episodes_is_said_as_such(town: Town, client: httpx.Client) -> None:
    town.levels("askolan-1", 120, 50.0)
    assert "Inga episoder." in page(client, "/site/askolan")
