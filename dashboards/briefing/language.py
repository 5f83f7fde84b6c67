"""The languages of the pages: their texts, and what pages write beyond numbers and dates.

Texts stand in ``texts/sv.toml`` and ``texts/sv/*.toml``, one file for each group of pages, and the
same in every language.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from math import floor, isnan
from typing import Final

from collector.analysis.episodes import Reason
from collector.charts import ChartWords
from collector.event_charts import EventWords
from collector.pattern_charts import PatternWords
from collector.registry.registry import SpeedLimit
from collector.writing import NO_BREAK, Code, Writing

# A number does not part from its unit at the end of a phone's line.
_BEFORE_UNIT: Final = re.compile(r"(?<=\d) (?=(?:s|min|h|tim|m|km|dBm?|°C?|%|MB|GB|Hz)(?!\w))")


class Language(Writing):
    """One language of the pages."""

    def __init__(self, code: Code) -> None:
        folder = files(__package__) / "texts"
        super().__init__(code, (folder / f"{code}.toml", *(folder / code).iterdir()))

    def text(self, key: str, **values: object) -> str:
        """The text of `key`, with `values` put in; :class:`KeyError` where there is none."""
        return _BEFORE_UNIT.sub(NO_BREAK, super().text(key, **values))

    def lines(self, key: str) -> list[str]:
        """The sentences of a text that has one a line."""
        return [line for line in self.text(key).splitlines() if line]

    @property
    def other(self) -> Code:
        """The language that the page offers instead."""
        return "en" if self.code == "sv" else "sv"

    def sentence(self, text: str) -> str:
        """`text` with a capital first letter, as at the start of a line."""
        return text[:1].upper() + text[1:]

    def level(self, level_db: float) -> str:
        """A level with its unit."""
        return f"{self.number(level_db)}{NO_BREAK}dB(A)"

    def interval(self, low: float, high: float, decimals: int = 1) -> str:
        """Both ends of an interval; where one is open (NaN), the other says what it bounds."""
        if isnan(low) and isnan(high):
            return self.text("format.unbounded")
        if isnan(low):
            return self.text("format.at_most", high=self.number(high, decimals))
        if isnan(high):
            return self.text("format.at_least", low=self.number(low, decimals))
        return f"{self.number(low, decimals)}–{self.number(high, decimals)}"

    def expected(self, count: float) -> str:
        """An expected number, with as many decimals as tell something."""
        return self.number(count, self.expected_decimals(count))

    def expected_decimals(self, count: float) -> int:
        """With how many decimals an expected number tells something."""
        return 1 if count >= 0.95 else 2

    def every(self, count_a_week: float) -> str:
        """How often something comes that is expected so many times a week, as people say it."""
        weeks = self.number(1 / max(count_a_week, 0.01), 0)
        if weeks in {"0", "1"}:
            text = "format.a_week_one" if count_a_week < 1.5 else "format.a_week_many"
            return self.text(text, count=self.number(count_a_week, 0))
        return self.text("format.every_weeks", weeks=weeks)

    def count(self, key: str, count: int, **values: object) -> str:
        """A text with a number of things: `key` with ``_one`` or ``_many`` behind it."""
        return self.text(f"{key}_{'one' if count == 1 else 'many'}", count=count, **values)

    def hours_span(self, start: datetime, end: datetime) -> str:
        """Whole hours of one evening, such as 20–22."""
        return f"{start:%H}–{end:%H}"

    def day_and_date(self, day: date) -> str:
        """A weekday with its date, such as fredag 27 november."""
        return f"{self.weekday(day)} {day.day}{NO_BREAK}{self.month(day)}"

    def weekdays_short(self) -> tuple[str, ...]:
        """Short names of the days of the week."""
        return tuple(self._texts["calendar"]["weekdays_short"])

    def reason(self, reason: Reason, names: Mapping[str, str]) -> str:
        """Why something is an episode, with its numbers; `names` are those of sites."""
        numbers = {name: self.number(value, 0) for name, value in reason.numbers.items()}
        sites = ", ".join(names.get(site, site) for site in reason.sites)
        return self.text(f"reason_told.{reason.code}", **{**numbers, "named": sites})

    def speed_limit(self, limit: SpeedLimit) -> str:
        """A posted limit with when it holds."""
        kmh = f"{self.number(limit.kmh, 0)}{NO_BREAK}km/h"
        always = len(limit.weekdays) == 7 and (limit.from_time, limit.to_time) == ("00:00", "24:00")
        if always:
            return kmh
        names = self.weekdays_short()
        days = [names[day - 1] for day in sorted(limit.weekdays)]
        in_a_row = len(days) > 2 and max(limit.weekdays) - min(limit.weekdays) == len(days) - 1
        told = f"{days[0]}–{days[-1]}" if in_a_row else ", ".join(days)
        return f"{kmh} {told} {limit.from_time}–{limit.to_time}"

    def duration(self, seconds: float) -> str:
        """A length of time in seconds, from a minute on in minutes and seconds."""
        if seconds < 9.95:
            return f"{self.number(seconds)}{NO_BREAK}s"
        minutes, rest = divmod(round(seconds), 60)
        parts = [f"{minutes}{NO_BREAK}min"] if minutes else []
        parts += [f"{rest}{NO_BREAK}s"] if rest or not minutes else []
        return NO_BREAK.join(parts)

    def measured(self, measured_s: float, whole_s: float) -> str:
        """Time measured of the whole, such as "58 av 60 min"; rounded down, never flattering."""
        unit, size = ("seconds", 1) if whole_s < 120 else ("minutes", 60)
        if whole_s >= 2 * 3600:
            unit, size = "hours", 3600
        measured = floor(measured_s / size + 1e-6)
        return self.text(
            f"format.measured_{unit}", measured=measured, whole=self.number(whole_s / size, 0)
        ).replace(" ", NO_BREAK)

    def clock_seconds(self, time: datetime) -> str:
        """Hours, minutes and seconds."""
        return f"{time:%H:%M:%S}"

    def relative_day(self, day: date, today: date) -> str:
        """ "i dag" or "i går", else the weekday and date."""
        ago = (today - day).days
        if ago in {0, 1}:
            return self.text("events.today" if ago == 0 else "events.yesterday")
        return f"{self.weekday(day)} {self.day_short(day)}"

    def moment(self, time: datetime, now: datetime) -> str:
        """When something was, as short as it can be: the clock, with the day unless today."""
        if time.date() == now.date():
            return self.clock(time)
        day = self.relative_day(time.date(), now.date())
        if time.year != now.year:
            day = self.day(time.date())
        return self.text("format.day_at", day=day, clock=self.clock(time))

    def pattern_words(self) -> PatternWords:
        """What charts of patterns say in this language."""
        return PatternWords(
            weekdays=self.weekdays_short(),
            hour=self.text("charts.hour"),
            rate=self.text("charts.rate"),
            passes=self.text("charts.passes"),
            expected=self.text("charts.expected"),
            chosen=self.text("charts.chosen"),
            not_chosen=self.text("charts.not_chosen"),
            ratio=self.text("charts.ratio"),
            speed=self.text("charts.speed"),
            count=self.text("charts.passes"),
            limit=self.text("charts.limit"),
            decimal_sign=self.decimal_sign,
        )

    def event_words(self) -> EventWords:
        """What charts of one event say in this language."""
        return EventWords(
            seconds=self.text("charts.seconds"),
            background=self.text("charts.background"),
            band=self.text("charts.band"),
            numbers=self.pattern_words(),
        )

    def chart_words(self) -> ChartWords:
        """What charts say in this language."""
        return ChartWords(
            level=self.text("chart.level"),
            level_axis=self.text("chart.level_axis"),
            nothing=self.text("nodes.unmeasured"),
            event=self.text("chart.event"),
            node=self.text("chart.node"),
            time=self.text("chart.time"),
            exposure=self.text("chart.exposure"),
            number=self.number,
            clock=self.clock,
            day=self.day_short,
            measured=self.measured,
        )


@cache
def language(code: Code) -> Language:
    """The language of that code."""
    return Language(code)
