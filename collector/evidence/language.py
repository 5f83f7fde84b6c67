"""The language of a summary: texts from ``texts/*.toml``, and how it writes numbers and times."""

from __future__ import annotations

from datetime import date
from functools import cache
from importlib.resources import files

from collector.writing import NO_BREAK, Code, Writing


class Language(Writing):
    """One language of summaries."""

    def __init__(self, code: Code) -> None:
        super().__init__(code, [files("collector.evidence") / "texts" / f"{code}.toml"])

    def texts(self, key: str) -> list[str]:
        """The list of texts of `key`."""
        group, _, name = key.partition(".")
        return list(self._texts[group][name])

    def name(self, group: str, code: str) -> str:
        """What a code is called; the code itself where it has no name."""
        return str(self._texts[group].get(code, code))

    def count(self, value: int) -> str:
        """A whole number, in groups of three from 10 000 on."""
        separator = NO_BREAK if self.code == "sv" else ","
        return f"{value:,}".replace(",", separator) if abs(value) >= 10_000 else str(value)

    def day_of_year(self, day: date) -> str:
        """A date without its year, in full, such as 22 november."""
        return f"{day.day} {self.month(day)}"


@cache
def language(code: Code) -> Language:
    """The language of that code."""
    return Language(code)
