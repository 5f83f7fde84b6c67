"""Pictures in the documentation show the pages as they are.

``make screenshots`` takes them, of a town that is the same each time. Beside each lies what was to
be read on the page, as a screen reader is told it; the test fails once that is no longer so.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff
from typing import Final

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from docs.site.build import ROOT
from tests.dashboards.browser import SIZES, launched, needs_chromium, opened
from tests.docs.shots import SHOTS, Shot

pytestmark = needs_chromium

IMAGES: Final = ROOT / "docs/images"
TAKE: Final = os.environ.get("SKOLRO_TAKE_SCREENSHOTS") == "1"
LARGEST_BYTES: Final = 120_000

FONTS: Final = """<?xml version="1.0"?>
<fontconfig>
  <include>/etc/fonts/fonts.conf</include>
  <match target="pattern">
    <test name="family" compare="not_eq"><string>monospace</string></test>
    <edit name="family" mode="prepend" binding="strong"><string>Liberation Sans</string></edit>
  </match>
</fontconfig>
"""


@dataclass(frozen=True)
class Town:
    """Where the pages of the town are, how each role is known there, and a node's own page."""

    address: str
    session: dict[str, dict[str, str]]
    node: str


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The pages, in a process of their own."""
    folder = tmp_path_factory.mktemp("documented") / "town"
    command = [sys.executable, "-m", "tests.docs.town_pages", str(folder)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Town(**json.loads(process.stdout.readline()))
        process.stdin.close()
        assert process.wait(60) == 0


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Debian's Chromium, with the same letters on every machine."""
    fonts = tmp_path_factory.mktemp("fonts") / "fonts.conf"
    fonts.write_text(FONTS)
    with launched(env={**os.environ, "FONTCONFIG_FILE": str(fonts)}) as browser:
        yield browser


def structure(page: Page) -> str:
    """What is to be read on a page, as a screen reader is told it, without the numbers."""
    told = page.locator("main").aria_snapshot()
    lines = [line for line in told.splitlines() if "- /url:" not in line]
    return re.sub(r"\d[\d:.,]*", "#", "\n".join(lines)) + "\n"


def as_webp(png: bytes) -> bytes:
    """A picture as the documentation has it."""
    out = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").save(out, "WEBP", quality=82, method=6)
    return out.getvalue()


@pytest.mark.parametrize("shot", SHOTS, ids=lambda shot: shot.name)
def test_a_page_is_what_its_picture_shows(chromium: Browser, town: Town, shot: Shot) -> None:
    server, _, code = town.node.rpartition("/") if shot.role is None else (town.address, "", "")
    cookies = town.session[shot.role.value] if shot.role else {}
    window = {**SIZES[shot.size], "height": shot.height}
    with opened(
        chromium, server, cookies=cookies, viewport=window, timezone_id="Europe/Stockholm"
    ) as page:
        answer = page.goto(shot.address + code)
        assert answer is not None
        assert answer.ok
        shot.steps(page)
        page.wait_for_load_state("networkidle")
        seen = structure(page)
        picture, text = IMAGES / f"{shot.name}.webp", IMAGES / f"{shot.name}.txt"
        if TAKE:
            taken = as_webp(page.screenshot())
            picture.write_bytes(taken)
            text.write_text(f"{hashlib.sha256(taken).hexdigest()}\n{seen}", encoding="utf-8")
        digest, _, shown = text.read_text(encoding="utf-8").partition("\n")
        told = "\n".join(unified_diff(shown.splitlines(), seen.splitlines(), "picture", "page"))
        assert not told, f"make screenshots, and look at {picture}, which shows what was:\n{told}"
        assert digest == hashlib.sha256(picture.read_bytes()).hexdigest(), "not taken with its text"
        assert picture.stat().st_size < LARGEST_BYTES


def test_every_picture_is_taken_by_a_test_and_shown_somewhere() -> None:
    there = {path.name for path in IMAGES.iterdir()}
    assert there == {f"{shot.name}{end}" for shot in SHOTS for end in (".webp", ".txt")}
    pages = "\n".join(path.read_text() for path in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
    assert [shot.name for shot in SHOTS if f"images/{shot.name}.webp" not in pages] == []
