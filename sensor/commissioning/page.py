"""The page as a browser gets it: its words put in, and what it shows as JSON."""

from __future__ import annotations

import html
import json
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

from sensor.commissioning.record import unexplained
from sensor.commissioning.work import Work
from sensor.contract import words
from sensor.contract.commissioning import STEPS
from sensor.contract.conclusions import (
    drive_agrees,
    drive_error_percent,
    mean_error_percent,
    open_points,
    step_of,
)
from sensor.contract.words import Code

_HERE: Final = Path(__file__).parent
_PLACE: Final = re.compile(r"\{\{([a-z_]+(?:\.[a-z_0-9]+)?)\}\}")

STATIC: Final = {
    "/page.css": "text/css; charset=utf-8",
    "/page.js": "text/javascript; charset=utf-8",
    "/login.js": "text/javascript; charset=utf-8",
}


@cache
def texts(code: Code) -> dict[str, dict[str, str]]:
    """All texts of the page by group and name, with those that both sides share."""
    own = tomllib.loads((_HERE / "texts" / f"{code}.toml").read_text(encoding="utf-8"))
    return {**own, **words.groups(code)}


def static(path: str) -> bytes:
    """Content of one of :data:`STATIC`."""
    return (_HERE / "static" / path[1:]).read_bytes()


def rendered(name: str, code: Code, **values: str) -> bytes:
    """Return a page with its texts; `values` are HTML already."""
    known = {"lang": code, "other": "en" if code == "sv" else "sv", **values}

    def put(match: re.Match[str]) -> str:
        group, _, key = match[1].partition(".")
        return html.escape(texts(code)[group][key]) if key else known[group]

    page = (_HERE / "static" / name).read_text(encoding="utf-8")
    return _PLACE.sub(put, page).encode()


def words_json(code: Code) -> str:
    """The texts as the page's script reads them from within the page."""
    return json.dumps(texts(code), ensure_ascii=False).replace("<", "\\u003c")


def text(code: Code, key: str, **values: object) -> str:
    """One text, with values put in."""
    group, _, name = key.partition(".")
    return texts(code)[group][name].format(**values)


def state(work: Work) -> dict[str, Any]:
    """What the page shows; all that follows from what was found is concluded here."""
    now = work.now()
    common: Mapping[str, Any] = {
        "now": msgspec.to_builtins(now),
        "simulated": work.simulated,
        "problem": work.problem,
        "why_not": work.why_not,
    }
    if now is None:
        return {**common}
    findings = now.findings
    mean = mean_error_percent(findings.drives)
    return {
        **common,
        "organisation": work.organisation,
        "acked_seq": work.acked_seq,
        "applies": [step for step in STEPS if findings.applies(step)],
        "open": [{"point": p, "step": step_of(p)} for p in open_points(findings)],
        "unexplained": unexplained(findings),
        "taps": msgspec.to_builtins(work.taps),
        "drives": [
            {"error": drive_error_percent(one), "agrees": drive_agrees(one)}
            for one in findings.drives
        ],
        "mean": None
        if mean is None
        else {**msgspec.to_builtins(mean), "count": len(findings.drives)},
    }
