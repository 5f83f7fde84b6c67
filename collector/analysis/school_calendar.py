"""Which days are school days: terms, breaks and study days from a file, holidays from a package.

The file is TOML, one for each municipality or school, made to be edited by hand::

    name = "Havsbro"
    source = "the municipality's page, seen 2026-08-01"

    [[term]]
    first = 2026-08-18
    last = 2026-12-18

    [[break]]
    name = "Höstlov"
    first = 2026-10-26
    last = 2026-10-30

    [[study_day]]
    day = 2026-09-21
"""

from __future__ import annotations

from datetime import date, timedelta
from enum import IntEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Final

import holidays
import numpy as np
from msgspec import Meta, Struct, field
from numpy.typing import NDArray

from collector.analysis.hours import Ints
from sensor.contract import toml_file

EXAMPLE: Final = Path(__file__).parent / "calendars" / "kungsbacka-example.toml"
"""Kungsbacka's terms as an example; to be checked against the municipality's page."""

_FIRST_DAY: Final = date(1970, 1, 1)
_BLOCK: Final = 366


class DayType(IntEnum):
    """What a day is for a school."""

    SCHOOL = 0
    OFF = 1
    HOLIDAY = 2

    @property
    def text(self) -> str:
        """Its name in English."""
        return ("school day", "day off", "holiday")[self]


class Span(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Days from `first` to `last`, both included."""

    name: str = ""
    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"{self.name or 'a span'} ends {self.last}, before it begins")


class StudyDay(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A day without pupils in the middle of a term."""

    day: date
    name: str = "Studiedag"


class SchoolCalendar(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Terms, breaks and study days of a municipality or school.

    Attributes
    ----------
    name, source : str
        Whose it is, and where it was found.
    country : str
        ISO 3166 code whose public and de facto holidays (eves) count.
    example : bool
        Whether it only shows how such a file looks.
    terms, breaks, study_days : tuple
        Outside terms no day is a school day; without any term every Monday to Friday is in term.
    """

    name: str
    source: str = ""
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")] = "SE"
    example: bool = False
    terms: tuple[Span, ...] = field(name="term", default=())
    breaks: tuple[Span, ...] = field(name="break", default=())
    study_days: tuple[StudyDay, ...] = field(name="study_day", default=())

    def __post_init__(self) -> None:
        if self.country not in holidays.list_supported_countries():
            raise ValueError(f"no holidays are known of the country {self.country!r}")

    @property
    def last_day(self) -> date | None:
        """The last day that is in a term; None where no terms are given."""
        return max((term.last for term in self.terms), default=None)

    def day_type(self, day: date) -> DayType:
        """What `day` is."""
        if day in _holidays(self.country, day.year):
            return DayType.HOLIDAY
        free = day.weekday() >= 5 or _within(day, self.breaks) or not self._in_term(day)
        free = free or any(study.day == day for study in self.study_days)
        return DayType.OFF if free else DayType.SCHOOL

    def day_types(self, days: Ints) -> NDArray[np.int8]:
        """What each of `days` (days since 1970-01-01, any shape) is, as :class:`DayType`."""
        if not np.size(days):
            return np.zeros(np.shape(days), dtype=np.int8)
        first = int(np.min(days)) // _BLOCK
        numbers = range(first, int(np.max(days)) // _BLOCK + 1)
        table = np.concatenate([_block(self, number) for number in numbers])
        return table[days - first * _BLOCK]

    def _in_term(self, day: date) -> bool:
        return not self.terms or _within(day, self.terms)


NO_CALENDAR: Final = SchoolCalendar(name="", source="none")
"""Knows weekends and Swedish holidays, and no terms or breaks."""


def load_calendar(path: Path) -> SchoolCalendar:
    """Return the calendar in the file at `path`; :class:`ConfigError` says what is wrong there."""
    return toml_file.load(path, SchoolCalendar)


@lru_cache(maxsize=256)
def _block(calendar: SchoolCalendar, number: int) -> NDArray[np.int8]:
    """The types of a year or so of days."""
    days = (_FIRST_DAY + timedelta(days=number * _BLOCK + n) for n in range(_BLOCK))
    return np.array([calendar.day_type(day) for day in days], dtype=np.int8)


def _within(day: date, spans: tuple[Span, ...]) -> bool:
    return any(span.first <= day <= span.last for span in spans)


@lru_cache(maxsize=64)
def _holidays(country: str, year: int) -> frozenset[date]:
    supported = set(holidays.country_holidays(country).supported_categories)
    categories = tuple(sorted({"public", "de_facto"} & supported))
    return frozenset(holidays.country_holidays(country, years=year, categories=categories))
