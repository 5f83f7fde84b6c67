"""What people read: in both languages, with times of theirs, and nothing left unsaid."""

from __future__ import annotations

import string
from datetime import timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

import pytest

from collector.alert_config import AlertKind, Recipient
from collector.alerts.alert import END_TOLD, Phase
from collector.alerts.wording import Wording, writing_in
from collector.registry.wishes import CONFIGURATION
from collector.roles import Role
from collector.writing import CODES, Code
from tests.collector.alerts.alerts import alert
from tests.collector.alerts.situations import NOW, SITE

BEGAN: frozenset[Phase] = frozenset({"began"})
ENDED: frozenset[Phase] = frozenset({"ended"})
BOTH = BEGAN | ENDED


def words(language: Literal["sv", "en"] = "sv", base_url: str | None = None) -> Wording:
    """How things are said in Sweden."""
    return Wording(language, ZoneInfo("Europe/Stockholm"), {"ekskolan": SITE}, base_url)


def test_an_episode_is_said_with_why_how_loud_and_how_fast() -> None:
    title, body = words("sv", "https://buller.example.org/").message(
        [(alert("episode"), BEGAN)], NOW
    )
    assert title == "Episod pågår vid Ekskolan"
    assert body.splitlines() == [
        (
            "Ekskolan: episod (misstänkt buskörning) sedan 22:25. 7 passager; 6 gånger förbi inom "
            "12 min; 3 gånger tillbaka åt andra hållet; upp till 3 fordon i rad; rusning på "
            "stället, 41 s sammanlagt. Högsta nivå 84,2\xa0dB(A) (LAFmax). Snabbast 46 km/h "
            "(43–49, 95 %)."
        ),
        "https://buller.example.org/site/ekskolan",
        "Mätvärdena är statistik och underlag för insatser. Hastigheten är indikativ.",
    ]
    _, body = words("en").message([(alert("episode", ended_at=NOW), ENDED)], NOW)
    assert body.startswith("Ekskolan: episode (suspected joyriding) 22:25–22:58. 7 passes; past 6")
    assert "Loudest 84.2\xa0dB(A) (LAFmax). Fastest 46 km/h (43–49, 95%)." in body
    assert "http" not in body


def test_a_speed_that_is_missing_is_said_to_be() -> None:
    unclocked = alert("episode")
    unclocked = alert("episode", facts={**unclocked.facts, "speed_kmh": None, "passes": 1})
    _, body = words().message([(unclocked, BEGAN)], NOW)
    assert "1 passage; " in body
    assert "Ingen hastighet kunde mätas." in body


def test_a_level_at_night_comes_with_its_limit_and_what_was_measured() -> None:
    _, body = words().message([(alert("night_level"), BEGAN)], NOW)
    assert body == (
        "Ekskolan, mätnod ekskolan-1: 68,3\xa0dB(A) (LAeq) 22:45–23:00, mättid 14 av 15 min. "
        "Gränsen är 65,0\xa0dB(A)."
    )


@pytest.mark.parametrize(
    ("kind", "title"),
    [
        ("node_silent", "Mätnoden ekskolan-1 (Ekskolan) har tystnat"),
        ("dead_microphone", "Fel på mikrofonen hos ekskolan-1 (Ekskolan)"),
        ("calibration_due", "Kalibrering behövs hos ekskolan-1 (Ekskolan)"),
        ("disk", "Snart fullt på disken: ekskolan-1 (Ekskolan)"),
        ("server", "Servern: MQTT-servern svarar inte"),
    ],
)
def test_one_thing_is_named_in_the_title(kind: AlertKind, title: str) -> None:
    assert words().message([(alert(kind), BEGAN)], NOW)[0] == title


def test_several_are_counted_and_each_has_its_line() -> None:
    day_before = NOW - timedelta(days=1)
    title, body = words("sv", "http://x").message(
        [
            (alert("node_silent", 1, since=day_before), BEGAN),
            (alert("node_silent", 2), BEGAN),
            (alert("node_silent", 3, ended_at=NOW), ENDED),
            (alert("node_silent", 4, ended_at=NOW), BOTH),
        ],
        NOW,
    )
    assert title == "2 mätnoder har tystnat"
    lines = body.splitlines()
    assert lines[0].startswith(
        "Ekskolan, mätnod ekskolan-1: inget har kommit sedan 19 november kl. 23:00."
    )
    assert lines[2:] == [
        "Ekskolan, mätnod ekskolan-3: tyst 22:25–23:00, hörs igen.",
        "Ekskolan, mätnod ekskolan-4: tyst 22:25–23:00, hörs igen.",
        "http://x/site/ekskolan",
    ]


def test_what_was_over_before_it_was_told_is_said_to_be() -> None:
    title, _ = words().message([(alert("episode", ended_at=NOW), BOTH)], NOW)
    assert title == "Det har varit en episod vid Ekskolan"


def test_what_is_simulated_says_so_first_and_last() -> None:
    title, body = words().message([(alert("disk", simulated=True), BEGAN)], NOW)
    assert title.startswith("SIMULERAT: ")
    assert body.splitlines()[-1] == "Simulerat: inget av detta har hänt."


@pytest.mark.parametrize(
    ("version", "first"), [("0.2.0", "Version 0.2.0 går"), (CONFIGURATION, "Nya inställningar går")]
)
def test_what_was_stopped_is_named(version: str, first: str) -> None:
    one = alert("update")
    _, body = words().message(
        [(alert("update", facts={**one.facts, "version": version}), BEGAN)], NOW
    )
    assert body.startswith(
        f"{first} inte vidare till fler mätnoder: askolan-1 gick tillbaka till det som senast "
        "fungerade (noden säger: it did not start); askolan-2 tog inte emot det den skulle köra. "
        "2 av 9 mätnoder har fått det nya."
    )


@pytest.mark.parametrize(
    ("state", "due", "text"),
    [
        ("due", "2026-12-04T10:00:00Z", "kalibreringen gäller till 4 december 2026."),
        ("due", "2026-11-04T10:00:00Z", "kalibreringen gick ut 4 november 2026."),
        ("never", None, "har aldrig kalibrerats."),
        ("invalid", None, "den senaste kontrollen avvek mer än 1 dB."),
        ("flagged", None, "kalibreringen är för gammal."),
    ],
)
def test_why_a_calibration_is_due_is_said(state: str, due: str | None, text: str) -> None:
    one = alert("calibration_due", facts={"state": state, "due": due})
    assert words().message([(one, BEGAN)], NOW)[1].endswith(text)


def test_every_kind_can_be_said_in_every_state_and_language() -> None:
    for language in CODES:
        for kind in get_args(AlertKind):
            for phases in (BEGAN, BOTH, *((ENDED,) if kind in END_TOLD else ())):
                ended_at = None if phases == BEGAN else NOW
                for count in (1, 2):
                    alerts = [(alert(kind, n, ended_at=ended_at), phases) for n in range(count)]
                    title, body = words(language).message(alerts, NOW)
                    assert title
                    assert not {"{", "}"} & set(title + body)


def test_all_languages_have_the_same_texts_with_the_same_places_to_fill() -> None:
    def places(language: Code, key: str) -> set[str | None]:
        text = writing_in(language).text(key)
        return {name for _, name, _, _ in string.Formatter().parse(str(text)) if name}

    keys = writing_in("sv").keys()
    assert keys == writing_in("en").keys()
    assert [key for key in keys if places("sv", key) != places("en", key)] == []


def test_a_test_says_what_one_would_hear_of() -> None:
    recipient = Recipient(name="drift", role=Role.TECHNICIAN, urls=("json://x",))
    title, body = words("sv", "http://x").test(recipient, ("disk", "server"))
    assert title == "Prov från Skolro"
    assert body == (
        "Ett prov till drift. Så här kommer meddelanden om: snart fullt på disken, fel på "
        "servern.\nhttp://x"
    )
