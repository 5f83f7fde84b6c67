"""The language of a summary: texts from ``texts/*.toml``, and how it writes numbers and times."""

from __future__ import annotations

import tomllib
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final

from collector.evidence.request import LanguageCode

NO_BREAK: Final = "\N{NO-BREAK SPACE}"
_MINUS: Final = "\N{MINUS SIGN}"
_DECIMAL_SIGN: Final = {"sv": ",", "en": "."}


class Language:
    """One language; all times given to it are local times already."""

    def __init__(self, code: LanguageCode) -> None:
        self.code = code
        source = files("collector.evidence") / "texts" / f"{code}.toml"
        self._texts: dict[str, dict[str, Any]] = tomllib.loads(source.read_text(encoding="utf-8"))

    def keys(self) -> set[str]:
        """All keys of texts."""
        return {f"{group}.{key}" for group, texts in self._texts.items() for key in texts}

    def text(self, key: str, **values: object) -> str:
        """The text of `key` with `values` put in; :class:`KeyError` where there is none."""
        group, _, name = key.partition(".")
        text: str = self._texts[group][name]
        return text.format(**values) if values else text

    def texts(self, key: str) -> list[str]:
        """The list of texts of `key`."""
        group, _, name = key.partition(".")
        return list(self._texts[group][name])

    def name(self, group: str, code: str) -> str:
        """What a code is called; the code itself where it has no name."""
        return str(self._texts[group].get(code, code))

    def number(self, value: float | None, decimals: int = 1) -> str:
        """A number with the language's decimal sign and a true minus; a dash for none."""
        if value is None:
            return "–"
        text = f"{round(value, decimals) + 0.0:.{decimals}f}".replace("-", _MINUS)
        return text.replace(".", _DECIMAL_SIGN[self.code])

    def count(self, value: int) -> str:
        """A whole number, in groups of three from 10 000 on."""
        separator = NO_BREAK if self.code == "sv" else ","
        return f"{value:,}".replace(",", separator) if abs(value) >= 10_000 else str(value)

    def percent(self, part: float | None, decimals: int = 0) -> str:
        """A part of one in per cent; Swedish sets a space before the sign."""
        if part is None:
            return "–"
        space = NO_BREAK if self.code == "sv" else ""
        return f"{self.number(100 * part, decimals)}{space}%"

    def clock(self, at: datetime) -> str:
        """Hours and minutes."""
        return f"{at:%H:%M}"

    def day(self, day: date) -> str:
        """A date in full, such as 22 november 2026."""
        return f"{self.day_of_year(day)} {day.year}"

    def day_of_year(self, day: date) -> str:
        """A date without its year, in full, such as 22 november."""
        return f"{day.day} {self._texts['calendar']['months'][day.month - 1]}"

    def day_short(self, day: date) -> str:
        """A date without its year, such as 22 nov."""
        return f"{day.day}{NO_BREAK}{self._texts['calendar']['months_short'][day.month - 1]}"

    def weekday(self, day: date) -> str:
        """Name of the day of the week."""
        name: str = self._texts["calendar"]["weekdays"][day.weekday()]
        return name


@cache
def language(code: LanguageCode) -> Language:
    """The language of that code."""
    return Language(code)
