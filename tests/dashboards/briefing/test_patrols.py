"""The patrol log: three taps, corrections, and two people who correct the same patrol."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from collector.registry.registry import Patrol, Registry
from collector.roles import Role
from tests.dashboards.briefing.conftest import SignedIn, Town, csrf_of
from tests.dashboards.briefing.reading import page, shown

STOCKHOLM = ZoneInfo("Europe/Stockholm")
HOUR = timedelta(hours=1)


@pytest.fixture
def officer(signed_in: SignedIn) -> httpx.Client:
    """Somebody of the police."""
    return signed_in(Role.POLICE)


def sent(browser: httpx.Client, address: str, page_of_form: str, **fields: Any) -> httpx.Response:
    """The answer to a form, as its page would send it."""
    data = {"csrf": csrf_of(browser, page_of_form), **fields}
    return browser.post(address, data={name: str(value) for name, value in data.items()})


def written(moment: datetime) -> str:
    """A moment as a phone's field for times writes it."""
    return f"{moment.astimezone(STOCKHOLM):%Y-%m-%dT%H:%M}"


def logged(registry: Registry, now: datetime, note: str = "två bilar") -> Patrol:
    """A patrol that lasted until an hour ago."""
    start = (now - 3 * HOUR).replace(second=0)
    number = registry.add_patrol(
        Patrol(site="ekskolan", start=start, end=start + 2 * HOUR, note=note, changed_by="anna")
    )
    return registry.patrol(number)


def fields(patrol: Patrol, **changes: Any) -> dict[str, Any]:
    """What the form of a patrol holds."""
    return {
        "site": patrol.site, "start": written(patrol.start), "end": written(patrol.end),
        "note": patrol.note, "version": patrol.version, **changes,
    }  # fmt: skip


def test_a_button_logs_a_patrol_that_goes_on_now(town: Town, officer: httpx.Client) -> None:
    html = officer.get("/patrols").text
    assert "Vi är på plats nu" in html
    start = html.partition('name="start" value="')[2].partition('"')[0]
    end = html.partition('name="end" value="')[2].partition('"')[0]
    for _ in range(2):
        # The second time is a finger that trembles.
        answer = sent(officer, "/patrols", "/patrols", site="ekskolan", start=start, end=end)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/patrols?logged=1")
    (patrol,) = town.registry.patrols()
    assert (patrol.site, patrol.end - patrol.start) == ("ekskolan", HOUR)
    assert abs(patrol.start - town.now) < timedelta(minutes=6)
    assert patrol.changed_by == "police-1"
    text = page(officer, "/patrols?logged=1")
    assert "Insatsen är sparad. Ekskolan" in text
    assert "police-1" in text


def test_a_patrol_is_corrected_and_taken_back(town: Town, officer: httpx.Client) -> None:
    patrol = logged(town.registry, town.now)
    where = f"/patrols/{patrol.id}"
    assert "Senast ändrad av anna" in page(officer, where)
    later = fields(patrol, site="askolan", note="  en bil ", end=written(patrol.end + HOUR / 2))
    assert sent(officer, where, where, **later).status_code == 303
    (changed,) = town.registry.patrols()
    assert (changed.site, changed.note, changed.version) == ("askolan", "en bil", 2)
    assert (changed.start, changed.end) == (patrol.start, patrol.end + HOUR / 2)
    assert changed.changed_by == "police-1"
    answer = sent(officer, f"{where}/remove", where, version=2)
    assert (answer.status_code, town.registry.patrols()) == (303, [])
    assert officer.get(where).status_code == 404


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"site": "nowhere"}, "Välj en mätplats i listan."),
        ({"site": ""}, "Välj en mätplats i listan."),
        ({"start": "i går"}, "Skriv dag och klockslag"),
        ({"end": ""}, "Skriv dag och klockslag"),
        ({"start": "0001-01-01T00:00"}, "Skriv dag och klockslag"),
        ({"start": "9999-12-31T23:59"}, "Insatsen har inte börjat än."),
        ({"end": "2001-01-01T00:00"}, "Slutet måste vara efter början."),
        ({"start": "2001-01-01T00:00"}, "högst 24 timmar"),
        ({"note": "x" * 501}, "Anteckningen är för lång"),
    ],
)
def test_nonsense_is_said_where_it_stands_and_nothing_typed_is_lost(
    town: Town, officer: httpx.Client, changes: dict[str, str], says: str
) -> None:
    patrol = logged(town.registry, town.now, note="det jag skrev")
    for address in ("/patrols", f"/patrols/{patrol.id}"):
        values = fields(patrol, **{"note": "det jag skrev", **changes})
        answer = sent(officer, address, address, **values)
        assert answer.status_code == 422
        assert says in shown(answer.text)
        assert "sparades inte" in shown(answer.text)
        assert 'aria-invalid="true"' in answer.text
        for value in {"note": "det jag skrev", **changes}.values():
            assert value in answer.text or value == "nowhere"
    assert town.registry.patrols() == [patrol]


def test_two_who_correct_the_same_patrol(town: Town, signed_in: SignedIn) -> None:
    patrol = logged(town.registry, town.now)
    where = f"/patrols/{patrol.id}"
    first, second = signed_in(Role.POLICE), signed_in(Role.MUNICIPALITY)
    assert sent(first, where, where, **fields(patrol, note="först")).status_code == 303
    answer = sent(second, where, where, **fields(patrol, note="sedan"))
    assert answer.status_code == 409
    text = shown(answer.text)
    assert "Medan du skrev ändrades insatsen av police-1" in text
    assert "Anteckning sedan först skiljer sig" in text
    assert "Behåll det som gäller nu" in text
    assert town.registry.patrol(1).note == "först"
    # The page's button sends what was written once more, against what is there now.
    again = sent(second, where, where, **fields(patrol, note="sedan", version=2))
    assert (again.status_code, town.registry.patrol(1).note) == (303, "sedan")


def test_a_patrol_that_somebody_changed_is_not_removed_unseen(
    town: Town, officer: httpx.Client
) -> None:
    patrol = logged(town.registry, town.now)
    where = f"/patrols/{patrol.id}"
    assert sent(officer, where, where, **fields(patrol, note="ny")).status_code == 303
    answer = sent(officer, f"{where}/remove", where, version=patrol.version)
    assert answer.status_code == 409
    assert "Den är inte borttagen ännu" in shown(answer.text)
    assert "Ta bort ändå" in shown(answer.text)
    assert len(town.registry.patrols()) == 1


def test_a_patrol_that_was_removed_meanwhile_can_be_logged_anew(
    town: Town, officer: httpx.Client
) -> None:
    patrol = logged(town.registry, town.now)
    where = f"/patrols/{patrol.id}"
    token = csrf_of(officer, where)
    town.registry.remove_patrol(1)
    data = {name: str(value) for name, value in fields(patrol).items()}
    answer = officer.post(where, data={"csrf": token, **data})
    assert answer.status_code == 409
    assert "tog någon annan bort insatsen" in shown(answer.text)
    assert "Logga den på nytt" in shown(answer.text)


def test_who_may_not_log_is_told_so(town: Town, signed_in: SignedIn) -> None:
    patrol = logged(town.registry, town.now)
    technician = signed_in(Role.TECHNICIAN)
    token = csrf_of(technician, "/account")
    for address in ("/patrols", f"/patrols/{patrol.id}", f"/patrols/{patrol.id}/remove"):
        answer = technician.post(address, data={"csrf": token, "version": "1"})
        assert answer.status_code == 403
        assert "Din roll har inte tillgång" in answer.text
    assert town.registry.patrols() == [patrol]


@pytest.mark.parametrize("address", ["/patrols/99", "/patrols/x", "/patrols/0"])
def test_a_patrol_that_is_not_there(officer: httpx.Client, address: str) -> None:
    assert officer.get(address).status_code in {404, 422}


def test_what_was_written_is_text_and_nothing_else(town: Town, officer: httpx.Client) -> None:
    logged(town.registry, town.now, note='<img src=x onerror="alert(1)">')
    for address in ("/patrols", "/patrols/1"):
        assert "<img src=x" not in officer.get(address).text


def test_summer_time_is_kept(town: Town, officer: httpx.Client) -> None:
    answer = sent(
        officer, "/patrols", "/patrols",
        site="ekskolan", start="2026-07-03T20:00", end="2026-07-03T22:00",
    )  # fmt: skip
    assert answer.status_code == 303
    (patrol,) = town.registry.patrols()
    assert patrol.start == datetime(2026, 7, 3, 18, tzinfo=UTC)
