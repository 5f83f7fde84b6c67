"""A node that runs, a phone on its page, and the record of it in the ledger of a real collector."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from collector.database.database import open_database
from collector.database.tables import message
from deploy.demo_folder import Table
from deploy.processes import Child
from sensor.contract.codec import decode
from sensor.contract.messages import CalibrationCheck, Commissioning
from tests.dashboards.browser import findings, is_too_wide, launched, needs_chromium, opened
from tests.peers import free_port, wait_for
from tests.system.chain import Chain, skolro

pytestmark = needs_chromium

RATE = 16_000
FULL_SCALE_PA = 20.0
NODE = "ekskolan-9"
RADAR_KMH = 42.0
PATIENCE_MS = 90_000


class Site(NamedTuple):
    """A node at work, and its collector."""

    chain: Chain
    node: Child
    port: int

    @property
    def address(self) -> str:
        """Where its page is."""
        return f"http://127.0.0.1:{self.port}"

    def open(self) -> str:
        """Let a phone in, as a technician does; return the code."""
        config = str(self.chain.folder / f"{NODE}.toml")
        ended = subprocess.run(
            skolro("sensor", "commission", "--config", config),
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert f"{self.address}/" in ended.stdout
        code = re.search(r"^Code +(\S{4}-\S{4})$", ended.stdout, re.MULTILINE)
        assert code is not None
        return code[1]


def write_ladder(path: Path) -> None:
    """Two microphones: taps at one after the other, then a calibrator on both, again and again."""
    random = np.random.default_rng(1)
    sound = 5e-3 * random.standard_normal((24 * RATE, 2))
    click = np.exp(-np.arange(round(0.03 * RATE)) / (0.004 * RATE))
    click *= random.standard_normal(click.size)
    click *= 3.0 / np.abs(click).max()
    for number in range(8):
        nearest = number % 2
        for channel in (0, 1):
            is_nearest = channel == nearest
            late_s = 0.0 if is_nearest else 0.3 / 340
            first = round((0.7 + 1.4 * number + late_s) * RATE)
            sound[first : first + click.size, channel] += click * (1.0 if is_nearest else 0.35)
    tone = np.sqrt(2) * np.sin(2 * np.pi * 1000 * np.arange(8 * RATE) / RATE)
    sound[13 * RATE : 21 * RATE] += 20e-6 * 10 ** (93.4 / 20) * tone[:, None]
    soundfile.write(path, sound / FULL_SCALE_PA, RATE, subtype="PCM_24")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Chain(tmp_path_factory.mktemp("commissioning")) as chain:
        write_ladder(chain.folder / "ladder.wav")
        source: Table = {
            "kind": "recording", "path": "ladder.wav", "full_scale_pa": FULL_SCALE_PA,
            "repeat": True,
        }  # fmt: skip
        port = free_port()
        tables: dict[str, Table] = {
            "mounting": {"distance_m": 6.0, "distance_back_m": 9.0, "spacing_m": 0.3},
            "radar": {"kind": "simulated_radar", "speed_kmh": RADAR_KMH, "every_s": 8.0},
            "commissioning": {"listen": "127.0.0.1", "port": port},
        }
        node = chain.start(NODE, source, **tables)
        outbox = chain.folder / NODE / "outbox.sqlite"
        node.await_ready(outbox.exists, within_s=60)
        yield Site(chain, node, port)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as started:
        yield started


def step(page: Page, name: str) -> None:
    """Open a step, and wait until nothing is listened for."""
    expect(page.locator("#listening")).to_be_hidden(timeout=PATIENCE_MS)
    if page.locator(f"#step-{name}").get_attribute("open") is None:
        page.locator(f"#step-{name} > summary").click()


def state(page: Page, name: str, *, timeout_ms: float = PATIENCE_MS) -> None:
    """Wait until a step has a result."""
    done = page.locator(f"#step-{name} .state-done, #step-{name} .state-point")
    expect(done).to_be_visible(timeout=timeout_ms)


def tap_until_right(page: Page) -> None:
    """Press and tap; the taps of the recording come on both sides, so that some are wrong."""
    right = page.get_by_text("Rätt ordning")
    for side in ("vänster", "höger") * 12:
        if right.is_visible():
            return
        shown = page.get_by_text(f"{side.capitalize()}: hördes närmast")
        is_good = shown.count() and "good" in (shown.get_attribute("class") or "")
        if is_good:
            continue
        page.get_by_role("button", name=f"Jag knackar på {side}").click()
        expect(page.locator("#listening")).to_be_visible()
        expect(page.locator("#listening")).to_be_hidden(timeout=PATIENCE_MS)
    expect(right).to_be_visible()


def test_a_technician_checks_a_node_and_signs(site: Site, browser: Browser) -> None:
    code = site.open()
    settings: dict[str, Any] = {
        "permissions": ["geolocation"],
        "geolocation": {"latitude": 57.48712, "longitude": 12.07613, "accuracy": 6},
    }
    with opened(browser, site.address, size="phone", **settings) as page:
        page.goto(f"/#{code}")
        expect(page.get_by_label("Kod")).to_have_value(code)
        assert findings(page) == []
        page.get_by_role("button", name="Öppna").click()
        page.get_by_label("Namn").fill("Anna Ek")
        page.get_by_label("Arbetsgivare").fill("Kommunen")
        assert findings(page) == []
        page.get_by_role("button", name="Börja").click()
        expect(page.locator("#channels li")).to_have_count(2)
        page.get_by_role("button", name="Mät tio sekunder").click()
        state(page, "levels")
        mirrored = site.chain.reader.pages.get(f"/commissioning/{NODE}").text
        assert "Anna Ek arbetar vid mätnoden" in mirrored
        step(page, "order")
        tap_until_right(page)
        step(page, "calibrator")
        page.get_by_label("Kalibratorns serienummer").fill("31415")
        page.get_by_label("Certifikatets nummer").fill("K-2026-0042")
        page.get_by_role("button", name="Lyssna efter kalibratorn").click()
        state(page, "calibrator")
        expect(page.get_by_text("Första kontrollen")).to_be_visible()
        step(page, "place")
        page.get_by_role("button", name="Hämta från telefonen").click()
        expect(page.get_by_label("Position")).to_have_value("57.487120, 12.076130")
        for name, value in (("height", "2,5"), ("there-1", "6,0"), ("there-2", "6,1"),
                            ("back-1", "9"), ("back-2", "9,1"), ("spacing", "0.3")):  # fmt: skip
            page.locator(f"#{name}").fill(value)
        page.get_by_role("button", name="Spara").click()
        state(page, "place")
        drive_past(page)
        for name, button in (("network", "Kontrollera nätet"), ("clock", "Kontrollera klockan"),
                             ("delivery", "Skicka ett meddelande")):  # fmt: skip
            step(page, name)
            page.get_by_role("button", name=button).click()
            state(page, name)
        expect(page.get_by_text("I mätloggen efter")).to_be_visible()
        assert findings(page) == []
        assert not is_too_wide(page)
        page.get_by_label("Anmärkningar").fill("Provkörning i regn.")
        page.get_by_label("Jag har gjort kontrollerna").check()
        page.get_by_role("button", name="Underteckna").click()
        expect(page.locator("#signed")).to_contain_text(
            "Det står i mätloggen.", timeout=PATIENCE_MS
        )
        page.get_by_role("button", name="Avsluta och stäng sidan").click()
        is_gone(site)
        says_so(page)
    assert "Anna Ek (meddelande" in site.chain.reader.pages.get(f"/commissioning/{NODE}").text
    is_in_the_ledger(site)


def drive_past(page: Page) -> None:
    """A vehicle that the radar sees passes; it was ours."""
    step(page, "drives")
    first = page.locator("#passes .pass").filter(has_text="radar: 4").first
    expect(first).to_be_visible(timeout=PATIENCE_MS)
    first.get_by_label("Känd hastighet, km/h").fill("42")
    first.get_by_label("Körde").select_option("vänster till höger")
    first.get_by_role("button", name="Det var vi").click()
    expect(page.locator("#drives li")).to_have_count(1)
    state(page, "radar")


def is_in_the_ledger(site: Site) -> None:
    engine = open_database(f"sqlite:///{site.chain.folder / 'ledger.sqlite'}")
    query = select(message.c.payload).where(message.c.node == NODE).order_by(message.c.seq)
    with engine.connect() as connection:
        stored = [decode(bytes(raw)) for raw in connection.scalars(query)]
    engine.dispose()
    (record,) = [one for one in stored if isinstance(one, Commissioning)]
    checks = [one for one in stored if isinstance(one, CalibrationCheck)]
    found = record.findings
    assert (record.technician, record.remarks) == ("Anna Ek", "Provkörning i regn.")
    assert found.levels is not None
    assert found.order is not None
    assert found.order.right
    assert found.calibrator is not None
    assert found.calibrator.measured_db == pytest.approx(93.4, abs=0.1)
    assert [check.seq for check in checks] == [found.calibrator.seq]
    assert found.place is not None
    assert found.place.position is not None
    assert (found.place.position.latitude, found.place.position.source) == (57.48712, "phone")
    assert found.place.distance_back_m == (9.0, 9.1)
    assert found.drives[0].known_kmh == RADAR_KMH
    assert found.radar is not None
    assert found.radar.cosine == pytest.approx(0.98, abs=0.04)
    assert found.delivery is not None
    assert found.delivery.seconds is not None
    assert {"calibrator_unrepeated", "drives_few", "drives_one_way"} <= set(record.open_points)


def says_so(page: Page) -> None:
    """The page tells that it is closed, also once it has asked in vain how it goes on."""
    expect(page.get_by_text("Driftsättningen är stängd")).to_be_visible()
    page.wait_for_timeout(2500)
    expect(page.get_by_text("Driftsättningen är stängd")).to_be_visible()
    expect(page.locator("#lost")).to_be_hidden()
    assert page.locator("#steps, #other-language").count() == 0
    assert findings(page) == []


def is_gone(site: Site) -> None:
    """Nobody serves the page any more, and the node measures on."""

    def refused() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", site.port)) != 0

    wait_for(refused, what="the page is still served")
    site.node.require()
