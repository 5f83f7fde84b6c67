"""The documentation holds together: links, navigation, languages; nothing comes from elsewhere."""

from __future__ import annotations

import posixpath
import re
import shutil
from pathlib import Path
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt

from docs.site.build import ROOT, SWEDISH, DocumentationError, build, gather
from tests.docs.reading import PageOfHtml, read

NOT_FOUND = "404.html"
PERSONS = ("tekniker", "polis", "handlaggare", "serveransvarig")


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, PageOfHtml]:
    """All pages but the one for what is not found."""
    return {place: page for place, page in read(site).items() if place != NOT_FOUND}


def led_to(place: str, link: str) -> tuple[str, str]:
    """Where a link of the page at `place` leads: a place, and an anchor there."""
    path, _, anchor = unquote(link).partition("#")
    if not path:
        return place, anchor
    return posixpath.normpath(posixpath.join(posixpath.dirname(place), path)), anchor


def is_outside(link: str) -> bool:
    """Whether a link leads to another server."""
    return re.match(r"[a-z]+:|//", link) is not None


def test_every_link_leads_to_a_page_and_to_a_place_on_it(
    site: Path, pages: dict[str, PageOfHtml]
) -> None:
    inside = [
        (place, link, *led_to(place, link))
        for place, page in pages.items()
        for link in (*page.links, *page.fetched)
        if not is_outside(link)
    ]
    assert len(inside) > 500
    assert [
        (place, link) for place, link, wanted, _ in inside if not (site / wanted).is_file()
    ] == []
    assert [
        (place, link)
        for place, link, wanted, anchor in inside
        if anchor and anchor not in pages[wanted].ids
    ] == []


def test_no_page_asks_another_server_for_anything(site: Path, pages: dict[str, PageOfHtml]) -> None:
    assert [
        (place, asked)
        for place, page in pages.items()
        for asked in page.fetched
        if is_outside(asked)
    ] == []
    for sheet in site.rglob("*.css"):
        found = re.findall(r"@import|url\(\s*[\"']?(?!data:|#)([a-z]+:)?//", sheet.read_text())
        assert found == [], sheet
    # The frame's script fetches these only for what no page has: diagrams, formulas, star counts.
    for place, page in pages.items():
        text = page.path.read_text()
        assert not re.search(r'class="(mermaid|arithmatex)|data-md-component="source"', text), place


def test_the_navigation_reaches_every_page_and_every_page_has_it(
    pages: dict[str, PageOfHtml],
) -> None:
    reached = {led_to("index.html", link)[0] for link in pages["index.html"].navigation}
    assert reached == set(pages)
    assert len(pages) == len(list((ROOT / "docs").rglob("*.md"))) + 4 + 2
    for place, page in pages.items():
        assert {led_to(place, link)[0] for link in page.navigation} >= reached, place


def test_the_first_page_asks_who_one_is(pages: dict[str, PageOfHtml]) -> None:
    text = (ROOT / "docs/index.md").read_text()
    led = [led_to("index.html", link)[0] for link in pages["index.html"].links]
    assert "Vem är du?" in text
    assert {"readme.html", *(f"{person}/index.html" for person in PERSONS)} <= set(led)


def test_each_page_and_its_frame_are_in_its_own_language(pages: dict[str, PageOfHtml]) -> None:
    for place, page in pages.items():
        swedish = place.removesuffix(".html").startswith(
            tuple(one.removesuffix(".md") for one in SWEDISH)
        )
        assert page.language == ("sv" if swedish else "en"), place
        frame = page.path.read_text()
        assert ("Sök" in frame) == swedish, place


def test_pictures_are_described(pages: dict[str, PageOfHtml]) -> None:
    for place, page in pages.items():
        assert all(len(said) > 20 for said in page.pictures.values()), (place, page.pictures)


def test_the_site_shows_what_the_repository_shows(
    pages: dict[str, PageOfHtml], tmp_path: Path
) -> None:
    """GitHub reads CommonMark, Zensical another Markdown: a list may be one and not the other."""
    gather(tmp_path, ROOT)
    common = MarkdownIt("commonmark", {"html": True}).enable("table")
    for source in sorted(tmp_path.rglob("*.md")):
        place = source.relative_to(tmp_path).with_suffix(".html").as_posix()
        text = source.read_text().split("---\n", 2)[2]
        alone = tmp_path / "alone.html"
        alone.write_text(f"<article>{common.render(text)}</article>")
        here, there = pages[place].count, PageOfHtml(alone).count
        for tag in ("h1", "h2", "h3", "li", "ol", "tr", "pre", "blockquote", "img"):
            assert here[tag] == there[tag], (place, tag)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The documentation's sources, to be spoilt."""
    root = tmp_path / "root"
    shutil.copytree(ROOT / "docs", root / "docs")
    for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        shutil.copy(ROOT / name, root)
    for name in ("LICENSE", *re.findall(r"\]\((?!docs/|[a-z]+:)([^)#]+)\)", _root_pages())):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def _root_pages() -> str:
    return "\n".join(path.read_text() for path in ROOT.glob("*.md"))


@pytest.mark.parametrize(
    ("added", "said"),
    [
        (
            "[there](nowhere.md)",
            r"docs/outbox\.md, line \d+: the link to nowhere\.md leads nowhere",
        ),
        ("[there](ledger.md#nowhere)", "outbox.md"),
    ],
)
def test_a_link_that_leads_nowhere_stops_the_build_and_is_named(
    copy: Path, tmp_path: Path, added: str, said: str
) -> None:
    page = copy / "docs/outbox.md"
    page.write_text(f"{page.read_text()}\n{added}\n")
    with pytest.raises(DocumentationError, match=said):
        build(tmp_path / "site", copy)
    assert not (tmp_path / "site").exists()


def test_a_page_that_nobody_would_find_stops_the_build_and_is_named(
    copy: Path, tmp_path: Path
) -> None:
    (copy / "docs/lost.md").write_text("# Lost\n")
    with pytest.raises(DocumentationError, match=r"Not in the navigation: lost\.md"):
        build(tmp_path / "site", copy)
