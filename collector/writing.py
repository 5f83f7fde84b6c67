"""How people write numbers, days and times in Swedish and English, around texts in TOML files.

The clock has 24 hours in both languages. A space that must not break is a no-break space. All
times given are local times already.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from datetime import date, datetime
from importlib.resources.abc import Traversable
from typing import Any, Final, Literal, TypeAlias, get_args

Code: TypeAlias = Literal["sv", "en"]
CODES: Final[tuple[Code, ...]] = get_args(Code)

NO_BREAK: Final = "\N{NO-BREAK SPACE}"
NONE: Final = "\N{EN DASH}"
_MINUS: Final = "\N{MINUS SIGN}"
_DECIMAL_SIGN: Final[dict[Code, str]] = {"sv": ",", "en": "."}


class Writing:
    """One language with its texts.

    Parameters
    ----------
    code : {"sv", "en"}
        Which language.
    sources : iterable of Traversable
        TOML files of texts in groups; a text's key is ``group.name``. The group ``calendar`` names
        months and days.
    """

    def __init__(self, code: Code, sources: Iterable[Traversable]) -> None:
        self.code = code
        self._texts: dict[str, dict[str, Any]] = {}
        for source in sources:
            self._texts |= tomllib.loads(source.read_text(encoding="utf-8"))

    def keys(self) -> set[str]:
        """All keys of texts."""
        return {f"{group}.{key}" for group, texts in self._texts.items() for key in texts}

    def has(self, key: str) -> bool:
        """Whether there is a text of that key."""
        group, _, name = key.partition(".")
        return name in self._texts.get(group, {})

    def text(self, key: str, **values: object) -> str:
        """The text of `key`, with `values` put in; :class:`KeyError` where there is none."""
        group, _, name = key.partition(".")
        text: str = self._texts[group][name]
        return text.format(**values) if values else text

    @property
    def decimal_sign(self) -> str:
        """What stands between a number's whole part and its decimals."""
        return _DECIMAL_SIGN[self.code]

    def number(self, value: float | None, decimals: int = 1) -> str:
        """A number with the language's decimal sign and a true minus; a dash for none."""
        if value is None:
            return NONE
        # Adding 0.0 turns the minus zero that rounding can leave into zero.
        text = f"{round(value, decimals) + 0.0:.{decimals}f}".replace("-", _MINUS)
        return text.replace(".", self.decimal_sign)

    def percent(self, part: float | None, decimals: int = 0) -> str:
        """A part of one in per cent, a dash for none; Swedish sets a space before the sign."""
        if part is None:
            return NONE
        space = NO_BREAK if self.code == "sv" else ""
        return f"{self.number(100 * part, decimals)}{space}%"

    def clock(self, at: datetime) -> str:
        """Hours and minutes."""
        return f"{at:%H:%M}"

    def weekday(self, day: date) -> str:
        """Name of the day of the week."""
        name: str = self._texts["calendar"]["weekdays"][day.weekday()]
        return name

    def month(self, day: date) -> str:
        """Name of the month."""
        name: str = self._texts["calendar"]["months"][day.month - 1]
        return name

    def day(self, day: date) -> str:
        """A date in full, such as 22 november 2026."""
        return f"{day.day} {self.month(day)} {day.year}"

    def day_short(self, day: date) -> str:
        """A date without its year, such as 22 nov."""
        return f"{day.day}{NO_BREAK}{self._texts['calendar']['months_short'][day.month - 1]}"
