"""From the repository's Markdown to the documentation site, by Zensical.

Pages stay where people of the repository look for them, with links that hold there. So a folder
is gathered first, in which everything has its place on the site and links lead there; Zensical
makes the site of that.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from docs.site.benchmarks_page import benchmarks_page
from docs.site.contract_page import contract_page
from docs.site.links import relinked

ROOT: Final = Path(__file__).parents[2]
HERE: Final = Path(__file__).parent
ICON: Final = ROOT / "dashboards/briefing/static/favicon.svg"

FROM_ROOT: Final = {
    "README.md": "readme.md",
    "ARCHITECTURE.md": "architecture.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
"""Pages that lie beside ``docs``, and what they are called on the site."""

FOLDERS: Final = {"docs": "index.md", "docs/sv": "handlaggare/index.md"}
"""Where a link to a folder leads."""

SWEDISH: Final = ("index.md", "tekniker/", "polis/", "handlaggare/", "serveransvarig/", "sv/")
"""What the places of pages in Swedish begin with."""

_PUBLISHED: Final = {".md", ".json", ".webp"}


class DocumentationError(Exception):
    """The documentation cannot be built as it is."""


def build(site: Path, root: Path = ROOT) -> int:
    """Build the site in `site`, which is emptied first, and return how many pages it has.

    Parameters
    ----------
    site : Path
        A folder; what is in it is removed.
    root : Path
        The repository.

    Raises
    ------
    DocumentationError
        A link leads nowhere, or Zensical warns of something.
    """
    with tempfile.TemporaryDirectory(prefix="skolro-docs-") as folder:
        source = Path(folder)
        pages = gather(source / "pages", root)
        _all_listed(pages)
        shutil.copytree(HERE / "theme", source / "theme")
        shutil.copy(ICON, source / "theme/assets/skolro.svg")
        shutil.copy(HERE / "zensical.toml", source)
        _zensical(source)
        shutil.rmtree(site, ignore_errors=True)
        site.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(source / "site", site)
    return len(pages)


def gather(pages: Path, root: Path) -> Sequence[str]:
    """Put everything that is published into `pages`, and return the places of all pages."""
    places = published(root)
    made = {place: _written(root, source, places) for source, place in places.items()}
    made["contract.md"] = contract_page()
    made["benchmarks.md"] = benchmarks_page(root)
    for place, content in made.items():
        target = pages / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else _spoken(place, content))
    return [place for place in made if place.endswith(".md")]


def _all_listed(pages: Sequence[str]) -> None:
    """Refuse pages that nobody would find."""
    listed = (HERE / "zensical.toml").read_text(encoding="utf-8")
    lost = [page for page in pages if f'"{page}"' not in listed]
    if lost:
        raise DocumentationError(
            f"Not in the navigation: {', '.join(lost)}. Give each its place in "
            f"{(HERE / 'zensical.toml').relative_to(ROOT)}."
        )


def published(root: Path) -> Mapping[str, str]:
    """Each file of the repository that is published, and its place on the site."""
    docs = root / "docs"
    shown = {
        path.relative_to(root).as_posix(): path.relative_to(docs).as_posix()
        for path in sorted(docs.rglob("*"))
        if path.suffix in _PUBLISHED and docs / "site" not in path.parents
    }
    return {**FROM_ROOT, **shown}


def _written(root: Path, source: str, places: Mapping[str, str]) -> str | bytes:
    """A page with its links as they are on the site; any other file as it is."""
    path = root / source
    if path.suffix != ".md":
        return path.read_bytes()
    text, faults = relinked(path.read_text(encoding="utf-8"), source, root, places, FOLDERS)
    if faults:
        raise DocumentationError("\n".join(faults))
    return text


def _spoken(place: str, text: str) -> bytes:
    """A page that says which language it is in, and in which its frame is to be."""
    language = "sv" if place.startswith(SWEDISH) else "en"
    return f"---\nlanguage: {language}\n---\n{text}".encode()


def _zensical(source: Path) -> None:
    program = Path(sys.executable).with_name("zensical")
    ended = subprocess.run(
        [program, "build", "--strict", "--clean"],
        cwd=source,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    said = (ended.stdout + ended.stderr).strip()
    if ended.returncode != 0 or "Warning" in said:
        raise DocumentationError(f"Zensical does not build the documentation:\n{said}")
