"""Links of a page in the repository, as they must be on the site."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

_LINK: Final = re.compile(r"(?P<before>!?\[(?P<text>[^\]]*)\]\()(?P<target>[^)\s]+)\)")
_OUTSIDE: Final = re.compile(r"[a-z]+:")
_FENCE: Final = re.compile(r"\s*```")


def relinked(
    text: str, source: str, root: Path, places: Mapping[str, str], folders: Mapping[str, str]
) -> tuple[str, list[str]]:
    """Let each link of a page lead to the same on the site.

    Parameters
    ----------
    text, source : str
        The page, and where it is in the repository.
    root : Path
        The repository.
    places : mapping
        Where each file that is published is on the site. Of a link to another file of the
        repository the text is left.
    folders : mapping
        Which page of the site stands for a folder of the repository.

    Returns
    -------
    text, faults : str, list of str
        The faults are links to what is not there, as sentences.
    """
    faults: list[str] = []

    def put(line: int, found: re.Match[str]) -> str:
        target, _, anchor = found["target"].partition("#")
        if not target or _OUTSIDE.match(target):
            return found[0]
        wanted = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        if not (root / wanted).exists():
            faults.append(f"{source}, line {line}: the link to {target} leads nowhere.")
        place = places.get(wanted) or folders.get(wanted)
        if place is None:
            return found["text"]
        relative = posixpath.relpath(place, posixpath.dirname(places[source]) or ".")
        return f"{found['before']}{relative}{'#' if anchor else ''}{anchor})"

    lines = [
        line if code else _LINK.sub(partial(put, number), line)
        for number, line, code in _lines(text)
    ]
    return "\n".join(lines) + "\n", faults


def _lines(text: str) -> Iterator[tuple[int, str, bool]]:
    """Each line with its number, and whether it is code."""
    code = False
    for number, line in enumerate(text.splitlines(), 1):
        fence = _FENCE.match(line) is not None
        yield number, line, code or fence
        code ^= fence
