"""Words that both sides use, by language; a test sees to it that none is missing."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

from sensor.contract.commissioning import OpenPoint, Step

Code: TypeAlias = Literal["sv", "en"]


@cache
def _words(code: Code) -> dict[str, dict[str, str]]:
    path = Path(__file__).parent / f"{code}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def step_name(code: Code, step: Step) -> str:
    """Name of a step of a commissioning."""
    return _words(code)["steps"][step]


def open_point(code: Code, point: OpenPoint) -> str:
    """Sentence about an open point of a commissioning."""
    return _words(code)["open_points"][point]


def groups(code: Code) -> dict[str, dict[str, str]]:
    """All of them by group and name."""
    return {group: dict(texts) for group, texts in _words(code).items()}
