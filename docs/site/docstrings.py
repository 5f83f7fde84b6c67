"""Docstrings as Markdown."""

from __future__ import annotations

import re
from typing import Final

_ROLE: Final = re.compile(r":[a-z]+:`([^`]+)`")


def as_markdown(docstring: str) -> str:
    """Return a docstring without the roles of reStructuredText."""
    return _ROLE.sub(r"`\1`", docstring)
