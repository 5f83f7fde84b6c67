"""The page templates, and what every one of them may use."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import jinja2

from collector.config import Page
from collector.writing import Code
from dashboards.briefing.language import Language, language
from dashboards.briefing.navigation import is_at, places

_HERE: Final = Path(__file__).parent


class Templates:
    """Jinja templates for the pages of one municipality.

    A template that uses something that it was not given fails, rather than showing nothing.
    """

    def __init__(self, page: Page) -> None:
        self.default_language: Code = page.language
        self._known = {"municipality": page.municipality, "time_zone": page.time_zone}

    def render(self, name: str, code: Code, /, **values: Any) -> str:
        """Return the template `name` in a language, which it knows as ``t``."""
        t: Language = language(code)
        return _environment().get_template(name).render(t=t, **self._known, **values)


@cache
def _environment() -> jinja2.Environment:
    # One for all, so that a template is compiled once in a process.
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        static=static_address,
        stamp=stamp,
        places=places,
        is_at=is_at,
        episode_address=episode_address,
        chart_version=version("vl-convert-python"),
    )
    return environment


def static_address(name: str) -> str:
    """Address of a file of ours; it changes with the file, so that browsers may keep it."""
    return f"/static/{name}?v={_VERSIONS[name]}"


def stamp(moment: datetime) -> str:
    """A moment as addresses carry it: UTC to the microsecond, such as 20261122T200500123456Z."""
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%S%f}Z"


def episode_address(site_id: str, start: datetime) -> str:
    """Address of the episode at a site that began then."""
    return f"/episode/{site_id}/{stamp(start)}"


def _version(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()[:12]


_VERSIONS: Final = {path.name: _version(path) for path in (_HERE / "static").iterdir()}
