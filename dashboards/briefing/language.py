"""The languages of the pages: their texts, and numbers and times as people write them.

Texts stand in ``texts/sv.toml`` and ``texts/sv/*.toml``, one file for each group of pages, and the
same in every language.

The clock has 24 hours in both languages. A space that must not break is a no-break space.
"""

from __future__ import annotations

import tomllib
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from math import floor
from typing import Any, Final, Literal, TypeAlias, get_args

from collector.charts import ChartWords

Code: TypeAlias = Literal["sv", "en"]
CODES: Final[tuple[Code, ...]] = get_args(Code)

NO_BREAK: Final = "\N{NO-BREAK SPACE}"
_MINUS: Final = "\N{MINUS SIGN}"
_DECIMAL_SIGN: Final[dict[Code, str]] = {"sv": ",", "en": "."}


class Language:
    """One language: its texts by key (``events.title``), and how it writes numbers and times.

    All times given to it are local times already.
    """

    def __init__(self, code: Code) -> None:
        self.code = code
        folder = files(__package__) / "texts"
        self._texts: dict[str, dict[str, Any]] = {}
        for source in (folder / f"{code}.toml", *(folder / code).iterdir()):
            self._texts |= tomllib.loads(source.read_text(encoding="utf-8"))

    def keys(self) -> set[str]:
        """All keys of texts."""
        return {f"{group}.{key}" for group, texts in self._texts.items() for key in texts}

    def text(self, key: str, **values: object) -> str:
        """The text of `key`, with `values` put in; :class:`KeyError` where there is none."""
        group, _, name = key.partition(".")
        text: str = self._texts[group][name]
        return text.format(**values) if values else text

    @property
    def other(self) -> Code:
        """The language that the page offers instead."""
        return "en" if self.code == "sv" else "sv"

    def sentence(self, text: str) -> str:
        """`text` with a capital first letter, as at the start of a line."""
        return text[:1].upper() + text[1:]

    def number(self, value: float, decimals: int = 1) -> str:
        """A number with the language's decimal sign and a true minus."""
        text = f"{value:.{decimals}f}".replace("-", _MINUS)
        return text.replace(".", _DECIMAL_SIGN[self.code])

    def level(self, level_db: float) -> str:
        """A level with its unit."""
        return f"{self.number(level_db)}{NO_BREAK}dB(A)"

    def percent(self, part: float) -> str:
        """A part of one in per cent; Swedish sets a space before the sign."""
        space = NO_BREAK if self.code == "sv" else ""
        return f"{self.number(100 * part, 0)}{space}%"

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

    def clock(self, time: datetime) -> str:
        """Hours and minutes."""
        return f"{time:%H:%M}"

    def clock_seconds(self, time: datetime) -> str:
        """Hours, minutes and seconds."""
        return f"{time:%H:%M:%S}"

    def day(self, day: date) -> str:
        """A date in full, such as 22 november 2026."""
        return f"{day.day} {self._texts['calendar']['months'][day.month - 1]} {day.year}"

    def day_short(self, day: date) -> str:
        """A date without its year, such as 22 nov."""
        return f"{day.day}{NO_BREAK}{self._texts['calendar']['months_short'][day.month - 1]}"

    def weekday(self, day: date) -> str:
        """Name of the day of the week."""
        name: str = self._texts["calendar"]["weekdays"][day.weekday()]
        return name

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
