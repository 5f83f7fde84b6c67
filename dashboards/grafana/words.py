"""What the dashboards say, in one language: ``texts/*.toml``, and the words of the pages."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from collector.writing import Code
from dashboards.briefing.language import language


class Words:
    """One language: texts of the dashboards by key, such as ``panel.week_heat_map.title``."""

    def __init__(self, code: Code) -> None:
        self.code = code
        source = files(__package__) / "texts" / f"{code}.toml"
        self._texts: dict[str, Any] = tomllib.loads(source.read_text(encoding="utf-8"))

    def __call__(self, key: str) -> str:
        """The text of `key`; :class:`KeyError` where there is none."""
        found: Any = self._texts
        for name in key.split("."):
            found = found[name]
        if not isinstance(found, str):
            raise KeyError(key)
        return found

    def page(self, key: str) -> str:
        """A text of the pages, so that both use one word for one thing."""
        return language(self.code).text(key)

    def known(self) -> set[str]:
        """The keys of all texts."""
        return set(_keys(self._texts, ""))


@cache
def words(code: Code) -> Words:
    """The words of that language."""
    return Words(code)


def _keys(texts: dict[str, Any], before: str) -> list[str]:
    found = []
    for name, value in texts.items():
        if isinstance(value, dict):
            found += _keys(value, f"{before}{name}.")
        else:
            found.append(before + name)
    return found
