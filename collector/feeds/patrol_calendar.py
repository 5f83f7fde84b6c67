"""Patrol windows as a calendar that others subscribe to (RFC 5545)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from uuid import NAMESPACE_URL, uuid5

from icalendar import Calendar, Event, vDuration

from collector.config import Page
from collector.feeds.weeks import PlannedWeek, PlannedWindow

Language = Literal["sv", "en"]

_TEXTS: Final[Mapping[Language, Mapping[str, str]]] = {
    "sv": {
        "name": "Skolro: lämpliga tider för insats, {municipality}",
        "summary": "Lämplig tid för insats: {site}",
        "simulated": "SIMULERAT: {summary}",
        "body": "Väntade episoder: {expected} (osäkerhetsintervall 95 %: {low}–{high}). "
        "Sedda hittills på de timmarna i veckan: {seen}. Mättid: minst {measured} h.",
        "other_day": "Vilar på andra typer av dagar.",
        "rank": "Nr {rank} av veckans {count}.",
        "week": "Planen för v. {week}, måndag till söndag, ur det som mättes före måndagen; "
        "lägesbilden planerar i stället de närmaste sju dygnen.",
        "note": "Statistik och underlag för insatser, ingen förutsägelse om någon.",
    },
    "en": {
        "name": "Skolro: patrol windows, {municipality}",
        "summary": "Patrol window: {site}",
        "simulated": "SIMULATED: {summary}",
        "body": "Expected episodes: {expected} (95% interval: {low}–{high}). "
        "Seen so far in those hours of the week: {seen}. Measured: at least {measured} h.",
        "other_day": "Rests on other types of days.",
        "rank": "No. {rank} of the week's {count}.",
        "week": "The plan of week {week}, Monday to Sunday, from what was measured before that "
        "Monday; the briefing plans the next seven days instead.",
        "note": "Statistics and grounds for patrols, no prediction about anybody.",
    },
}
_REFRESH: Final = timedelta(hours=6)


def patrol_calendar(weeks: Sequence[PlannedWeek], page: Page, language: Language) -> bytes:
    """Return the windows of `weeks` as events.

    The same window keeps its UID, whenever and wherever it is asked for, so that a calendar that
    subscribes changes it in place; what the plan no longer has is gone from the next answer.
    """
    texts = _TEXTS[language]
    calendar = Calendar()
    calendar.add("prodid", "-//Skolro//patrol windows//SV")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    name = texts["name"].format(municipality=page.municipality)
    calendar.add("name", name)
    calendar.add("x-wr-calname", name)
    calendar.add("x-wr-timezone", page.time_zone)
    calendar.add("refresh-interval", vDuration(_REFRESH), parameters={"VALUE": "DURATION"})
    for week in weeks:
        for one in week.windows:
            calendar.add_component(_event(one, week, page, language))
    calendar.add_missing_timezones()
    return bytes(calendar.to_ical())


def _event(one: PlannedWindow, week: PlannedWeek, page: Page, language: Language) -> Event:
    texts = _TEXTS[language]
    event = Event()
    event.add("uid", _uid(one, page.municipality))
    # When the plan was made that it is of: the same plan gives the same text.
    event.add("dtstamp", min(week.begins.astimezone(UTC), one.start.astimezone(UTC)))
    event.add("dtstart", one.start)
    event.add("dtend", one.end)
    summary = texts["summary"].format(site=one.site.name)
    event.add("summary", texts["simulated"].format(summary=summary) if week.simulated else summary)
    event.add("description", _description(one, week, language))
    event.add("location", one.site.name)
    if one.site.latitude is not None and one.site.longitude is not None:
        event.add("geo", (one.site.latitude, one.site.longitude))
    if page.base_url is not None:
        event.add("url", f"{page.base_url.rstrip('/')}/site/{one.site.id}")
    event.add("transp", "TRANSPARENT")
    event.add("status", "TENTATIVE")
    return event


def _uid(one: PlannedWindow, municipality: str) -> str:
    start: datetime = one.start.astimezone(UTC)
    what = f"skolro:{municipality}:{one.site.id}:{start:%Y%m%dT%H}:{one.window.hours}"
    return f"{uuid5(NAMESPACE_URL, what)}"


def _description(one: PlannedWindow, week: PlannedWeek, language: Language) -> str:
    texts, window = _TEXTS[language], one.window

    def number(value: float, digits: int) -> str:
        text = f"{value:.{digits}f}"
        return text.replace(".", ",") if language == "sv" else text

    sentences = [
        texts["body"].format(
            expected=number(window.expected, 2),
            low=number(window.low, 2),
            high=number(window.high, 2),
            seen=window.seen,
            measured=number(window.measured_h, 1),
        ),
        texts["rank"].format(rank=one.rank, count=len(week.windows)),
        texts["week"].format(week=int(week.name.rpartition("W")[2])),
        texts["note"],
    ]
    if not window.same_day_type:
        sentences.insert(1, texts["other_day"])
    return " ".join(sentences)
