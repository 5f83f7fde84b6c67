"""School days, days off and holidays, from a file that people edit."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from collector.analysis.school_calendar import (
    EXAMPLE,
    NO_CALENDAR,
    DayType,
    SchoolCalendar,
    load_calendar,
)
from sensor.contract.errors import ConfigError


@pytest.fixture(scope="module")
def kungsbacka() -> SchoolCalendar:
    return load_calendar(EXAMPLE)


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        (date(2026, 10, 23), DayType.SCHOOL),
        (date(2026, 10, 24), DayType.OFF),
        (date(2026, 10, 28), DayType.OFF),
        (date(2026, 9, 21), DayType.OFF),
        (date(2026, 7, 1), DayType.OFF),
        (date(2026, 12, 24), DayType.HOLIDAY),
        (date(2027, 1, 6), DayType.HOLIDAY),
        (date(2027, 5, 6), DayType.HOLIDAY),
        (date(2027, 5, 7), DayType.OFF),
    ],
)
def test_days_in_the_example(kungsbacka: SchoolCalendar, day: date, kind: DayType) -> None:
    assert kungsbacka.day_type(day) is kind
    number = (day - date(1970, 1, 1)).days
    assert kungsbacka.day_types(np.array([number, number])).tolist() == [kind, kind]


def test_the_example_says_that_it_is_one(kungsbacka: SchoolCalendar) -> None:
    assert kungsbacka.example
    assert "check" in kungsbacka.source
    assert kungsbacka.last_day == date(2027, 6, 11)


def test_without_terms_every_weekday_is_a_school_day_but_holidays() -> None:
    assert NO_CALENDAR.day_type(date(2026, 7, 1)) is DayType.SCHOOL
    assert NO_CALENDAR.day_type(date(2026, 6, 19)) is DayType.HOLIDAY
    assert NO_CALENDAR.day_types(np.zeros(0, dtype=np.int64)).shape == (0,)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('name = "x"\n[[term]]\nfirst = 2026-08-18\nlast = 2026-08-01\n', "before it begins"),
        ('name = "x"\n[[breaks]]\n', "breaks is not a known key: did you mean break?"),
        ('name = "x"\n[[study_day]]\nday = "monday"\n', "line 3: study_day"),
        ('name = "x"\ncountry = "XX"\n', "no holidays are known of the country 'XX'"),
        ("example = true\n", "the key name is missing"),
    ],
)
def test_mistakes_are_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "calendar.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        load_calendar(path)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)
