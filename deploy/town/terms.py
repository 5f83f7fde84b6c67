"""The school years of a town that does not exist, for any year, as its calendar file has them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import holidays

from collector.analysis.school_calendar import SchoolCalendar, Span, StudyDay

MONDAY, FRIDAY = 1, 5


def usual_calendar(first: date, last: date) -> SchoolCalendar:
    """Terms and breaks as they usually fall in the west of Sweden, over the years from `first`."""
    years = range(first.year - 1, last.year + 2)
    return SchoolCalendar(
        name="Havsbro",
        source="simulated",
        terms=tuple(term for year in years for term in _terms(year)),
        breaks=tuple(span for year in years for span in _breaks(year)),
        study_days=tuple(StudyDay(day=date.fromisocalendar(year, 39, MONDAY)) for year in years),
    )


def calendar_toml(calendar: SchoolCalendar) -> str:
    """The file of a calendar, in the form that ``load_calendar`` reads."""
    lines = [f'name = "{calendar.name}"', f'source = "{calendar.source}"']
    for key, spans in (("term", calendar.terms), ("break", calendar.breaks)):
        for span in spans:
            lines += ["", f"[[{key}]]", f'name = "{span.name}"']
            lines += [f"first = {span.first}", f"last = {span.last}"]
    for study in calendar.study_days:
        lines += ["", "[[study_day]]", f'name = "{study.name}"', f"day = {study.day}"]
    return "\n".join(lines) + "\n"


def _terms(year: int) -> Iterator[Span]:
    yield Span(name=f"Vårtermin {year}", first=date(year, 1, 8), last=date(year, 6, 13))
    yield Span(name=f"Hösttermin {year}", first=date(year, 8, 18), last=date(year, 12, 20))


def _breaks(year: int) -> Iterator[Span]:
    yield _week("Sportlov", year, 7)
    good_friday = _holiday(year, "Långfredagen")
    monday = good_friday - timedelta(days=FRIDAY - MONDAY)
    yield Span(name="Påsklov", first=monday, last=good_friday - timedelta(days=1))
    ascension = _holiday(year, "Kristi himmelsfärdsdag")
    yield Span(name="Lovdag", first=ascension, last=ascension + timedelta(days=1))
    yield _week("Höstlov", year, 44)


def _week(name: str, year: int, week: int) -> Span:
    monday = date.fromisocalendar(year, week, MONDAY)
    return Span(name=name, first=monday, last=monday + timedelta(days=FRIDAY - MONDAY))


def _holiday(year: int, name: str) -> date:
    found: list[date] = holidays.country_holidays("SE", years=year, language="sv").get_named(name)
    return found[0]
