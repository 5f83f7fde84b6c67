"""The server shows what goes on at a node, the records, and photographs to those who may."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from msgspec import UNSET
from msgspec.structs import replace
from playwright.sync_api import Browser, expect

from collector.roles import Role
from dashboards.briefing.photographs import MOST_BYTES
from sensor.contract.commissioning import ChannelNow, CommissioningNow
from sensor.contract.messages import Live
from tests.dashboards.briefing.conftest import SignedIn, Town, csrf_of, session_of
from tests.dashboards.briefing.reading import page
from tests.dashboards.briefing.test_live import following
from tests.dashboards.briefing.test_photographs import picture
from tests.dashboards.browser import findings as wrong_in
from tests.dashboards.browser import is_too_wide, needs_chromium, opened
from tests.peers import wait_for
from tests.sensor.contract.samples import findings, samples

NODE = "ekskolan-1"
ADDRESS = f"/commissioning/{NODE}"


def at_work(laf_db: float | None = 61.2, **changes: object) -> Live:
    """A reading of a node at which somebody works."""
    now = CommissioningNow(
        begun_at=datetime.now(UTC), technician="Anna Ek", findings=findings(),
        channels=(
            ChannelNow(laf_db=laf_db, overload=False), ChannelNow(laf_db=99.0, overload=True),
        ),
        listening="calibrator", radar_kmh=37.4, passes=(findings().drives[0].passed,),
        signed_seq=None,
    )  # fmt: skip
    return Live(
        node=NODE, time=datetime.now(UTC), laeq_db=60.0, lafmax_db=61.2,
        commissioning=replace(now, **changes),
    )  # fmt: skip


def test_whoever_is_elsewhere_sees_what_goes_on(town: Town, client: httpx.Client) -> None:
    assert "Ingen driftsättning pågår." in page(client, ADDRESS)
    town.live.update(at_work())
    text = page(client, ADDRESS)
    assert "Anna Ek arbetar vid mätnoden" in text
    assert "61,2 dB(A)" in text
    assert "överstyrd" in text
    assert "Mätnoden lyssnar efter kalibratorn." in text
    assert "Avvikelse +0,30 dB mot 94 dB, kalibrator 31415" in text
    assert "Skäl: Ingen tidsserver på platsen" in text
    assert "Färre än tio provkörningar." in text
    assert "Medelfel +1,5 %" in text
    assert "Radarn ser 37,4 km/h." in text
    assert "71,4 dB(A): 40,6 km/h (38–43)" in text
    assert "Anna Ek is at work" in page(client, f"{ADDRESS}?lang=en")
    town.live.update(replace(at_work(), commissioning=UNSET))
    assert "Ingen driftsättning pågår." in page(client, f"{ADDRESS}?lang=sv")


def test_it_is_told_as_it_comes(town: Town, client: httpx.Client) -> None:
    town.live.update(at_work(50.1))
    with following(client, f"/live{ADDRESS}?lang=sv") as follower:
        wait_for(lambda: follower.has("parts", "50,1"), what="the first level is not told")
        town.live.update(at_work(71.7))
        wait_for(lambda: follower.has("parts", "71,7"), what="the next level is not told")
        # The reader ends at the next word.
        town.live.update(at_work(72.8))


def test_what_was_signed_is_shown(town: Town, client: httpx.Client) -> None:
    assert "Mätnoden är inte driftsatt." in page(client, ADDRESS)
    town.append(samples()["commissioning"])
    text = page(client, ADDRESS)
    assert "Anna Ek (meddelande 1)" in text
    assert "Kungsbacka kommun" in text
    assert "Provkörning i regn." in text
    assert "Ser fordon ned till 12° från vägen" in text


def test_the_nodes_page_leads_there(town: Town, client: httpx.Client) -> None:
    assert f'href="{ADDRESS}"' in client.get(f"/fleet/{NODE}").text
    assert client.get("/commissioning/nowhere-1").status_code == 404


def add(browser: httpx.Client, raw: bytes, name: str = "IMG_1.jpg") -> httpx.Response:
    token = csrf_of(browser, ADDRESS)
    return browser.post(
        f"{ADDRESS}/photo", data={"csrf": token}, files={"photo": (name, raw, "image/jpeg")}
    )


def test_a_technician_adds_and_removes_a_photograph(town: Town, signed_in: SignedIn) -> None:
    browser = signed_in(Role.TECHNICIAN)
    assert add(browser, picture((2000, 1500))).status_code == 303
    text = browser.get(ADDRESS).text
    assert f'src="{ADDRESS}/photo/1"' in text
    assert "technician-1" in text
    answer = browser.get(f"{ADDRESS}/photo/1")
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert "no-store" in answer.headers["Cache-Control"]
    assert b"Phone maker" not in answer.content
    token = csrf_of(browser, ADDRESS)
    gone = browser.post(f"{ADDRESS}/photo/1/remove", data={"csrf": token})
    assert gone.status_code == 303
    assert browser.get(f"{ADDRESS}/photo/1").status_code == 404
    assert "Inga foton." in page(browser, ADDRESS)


def test_what_is_no_photograph_is_told(town: Town, signed_in: SignedIn) -> None:
    browser = signed_in(Role.TECHNICIAN)
    answer = add(browser, b"%PDF-1.7")
    assert answer.status_code == 422
    assert "Det är ingen bild som går att läsa." in answer.text
    token = csrf_of(browser, ADDRESS)
    large = browser.post(
        f"{ADDRESS}/photo", data={"csrf": token}, files={"photo": b"\0" * (MOST_BYTES + 20_000)}
    )
    assert large.status_code == 413


def test_photographs_are_for_those_who_look_after_nodes(
    town: Town, signed_in: SignedIn, public: httpx.Client
) -> None:
    technician, official = signed_in(Role.TECHNICIAN), signed_in(Role.MUNICIPALITY)
    assert add(technician, picture((300, 200))).status_code == 303
    assert official.get(f"{ADDRESS}/photo/1").status_code == 200
    assert "Spara fotot" not in page(official, ADDRESS)
    token = csrf_of(official, "/account")
    sent = {"csrf": token}
    refused = official.post(
        f"{ADDRESS}/photo", data=sent, files={"photo": ("a.jpg", picture((30, 20)))}
    )
    assert refused.status_code == 403
    assert official.post(f"{ADDRESS}/photo/1/remove", data=sent).status_code == 403
    for role in (Role.POLICE, Role.SCHOOL):
        assert signed_in(role).get(f"{ADDRESS}/photo/1").status_code == 403
    assert public.get(f"{ADDRESS}/photo/1", follow_redirects=False).status_code in {303, 401}


@needs_chromium
@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_it_is_sound_in_a_browser(
    chromium: Browser, app: FastAPI, page_server: str, town: Town, tmp_path: Path, size: str
) -> None:
    town.append(samples()["commissioning"])
    town.live.update(at_work())
    (tmp_path / "node.jpg").write_bytes(picture((1200, 900)))
    settings = {
        "permissions": ["geolocation"],
        "geolocation": {"latitude": 57.48712, "longitude": 12.07613, "accuracy": 5.2},
    }
    cookies = session_of(app, Role.TECHNICIAN)
    with opened(chromium, page_server, size=size, cookies=cookies, **settings) as seen:  # type: ignore[arg-type]  # of Playwright
        seen.goto(ADDRESS)
        seen.get_by_label("Nytt foto").set_input_files(tmp_path / "node.jpg")
        seen.get_by_role("button", name="Spara fotot").click()
        expect(seen.get_by_alt_text(f"Så hänger {NODE}")).to_be_visible()
        seen.get_by_role("button", name="Visa positionen").click()
        expect(seen.locator("#located")).to_have_text("57.487120, 12.076130 (± 6 m)")
        assert not is_too_wide(seen)
        assert wrong_in(seen) == []
        seen.screenshot(path=tmp_path / f"{size}.png", full_page=True)
