"""The page templates, and what every one of them may use."""

from __future__ import annotations

from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import jinja2

from collector.config import Page
from dashboards.briefing.language import Code, Language, language

_HERE: Final = Path(__file__).parent


class Templates:
    """Jinja templates for the pages of one municipality.

    A template that uses something that it was not given fails, rather than showing nothing.
    """

    def __init__(self, page: Page) -> None:
        self.default_language: Code = page.language
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(
            municipality=page.municipality,
            time_zone=page.time_zone,
            static=static_address,
            chart_version=version("vl-convert-python"),
        )

    def render(self, name: str, code: Code, /, **values: Any) -> str:
        """Return the template `name` in a language, which it knows as ``t``."""
        t: Language = language(code)
        return self._environment.get_template(name).render(t=t, **values)


def static_address(name: str) -> str:
    """Address of a file of ours; it changes with the file, so that browsers may keep it."""
    return f"/static/{name}?v={_VERSIONS[name]}"


def _version(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()[:12]


_VERSIONS: Final = {path.name: _version(path) for path in (_HERE / "static").iterdir()}
