"""Both languages say everything, and write numbers and times as their readers do."""

from __future__ import annotations

import string
from datetime import UTC, date, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.writing import CODES, NO_BREAK, Code
from dashboards.briefing.language import language
from sensor.contract.messages import Flag, SourceKind, Trigger
from sensor.contract.quantities import SpeedMethod, SpeedRefusal

SV, EN = language("sv"), language("en")
NOW = datetime(2026, 11, 22, 21, 5, 9, tzinfo=UTC)


def test_both_languages_have_the_same_texts() -> None:
    assert SV.keys() == EN.keys()


@pytest.mark.parametrize("key", sorted(SV.keys()))
def test_a_text_takes_the_same_values_in_both_languages(key: str) -> None:
    if key.startswith("calendar."):
        return

    def values(code: Code) -> set[str | None]:
        return {name for _, name, _, _ in string.Formatter().parse(language(code).text(key))}

    assert values("sv") - {None} == values("en") - {None}


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(
    ("group", "words"),
    [
        ("source", SourceKind),
        ("flag", Flag),
        ("refused", SpeedRefusal),
        ("method", SpeedMethod),
        ("trigger", Trigger),
    ],
)
def test_every_word_of_the_contract_is_told(code: Code, group: str, words: object) -> None:
    told = {key.partition(".")[2] for key in language(code).keys() if key.startswith(f"{group}.")}  # noqa: SIM118 - not a mapping
    assert told == set(get_args(words))


def test_an_unknown_text_is_an_error() -> None:
    with pytest.raises(KeyError):
        SV.text("page.nothing")


def test_numbers() -> None:
    assert (SV.number(84.25, 1), EN.number(84.25, 1)) == ("84,2", "84.2")
    assert SV.number(-3.0) == "−3,0"
    assert SV.level(84.2) == f"84,2{NO_BREAK}dB(A)"
    assert (SV.percent(0.823), EN.percent(0.823)) == (f"82{NO_BREAK}%", "82%")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0,4 s"), (9.96, "10 s"), (12.4, "12 s"), (60.0, "1 min"), (75.2, "1 min 15 s")],
)
def test_lengths_of_time(seconds: float, text: str) -> None:
    assert SV.duration(seconds) == text.replace(" ", NO_BREAK)


@pytest.mark.parametrize(
    ("measured_s", "whole_s", "text"),
    [
        (45.0, 60.0, "45 av 60 s"),
        (3480.0, 3600.0, "58 av 60 min"),
        (3599.0, 3600.0, "59 av 60 min"),
        (3600.0, 3600.0, "60 av 60 min"),
        (0.0, 3600.0, "0 av 60 min"),
        (20 * 3600.0, 21 * 3600.0, "20 av 21 tim"),
    ],
)
def test_measured_time(measured_s: float, whole_s: float, text: str) -> None:
    assert SV.measured(measured_s, whole_s) == text.replace(" ", NO_BREAK)


@given(st.floats(0, 1), st.floats(60, 1e5))
def test_measured_time_never_flatters(part: float, whole_s: float) -> None:
    measured, whole = SV.measured(part * whole_s, whole_s).split(NO_BREAK)[::2]
    assert int(measured) <= max(float(whole), 1)


def test_dates() -> None:
    assert SV.day(date(2026, 11, 22)) == "22 november 2026"
    assert EN.day(date(2026, 3, 1)) == "1 March 2026"
    assert SV.weekday(date(2026, 11, 22)) == "söndag"
    assert SV.relative_day(date(2026, 11, 21), NOW.date()) == "i går"
    assert SV.relative_day(date(2026, 11, 20), NOW.date()) == f"fredag 20{NO_BREAK}nov"


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(minutes=5), "21:00"),
        (timedelta(days=1), "i går kl. 21:05"),
        (timedelta(days=2), f"fredag 20{NO_BREAK}nov kl. 21:05"),
        (timedelta(days=400), "18 oktober 2025 kl. 21:05"),
    ],
)
def test_moments_are_told_as_short_as_they_can_be(ago: timedelta, text: str) -> None:
    assert SV.moment(NOW - ago, NOW) == text
