"""What a test wants to know of a page of HTML."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

_FETCHED: Final = {
    "img": "src",
    "script": "src",
    "iframe": "src",
    "source": "src",
    "form": "action",
}
_FETCHED_LINKS: Final = {"stylesheet", "icon", "preconnect", "preload", "prefetch", "manifest"}


@dataclass
class PageOfHtml(HTMLParser):
    """A page, read.

    Attributes
    ----------
    language : str
    ids, links, fetched : list of str
        Anchors that it has, where its links lead, and what the browser asks for to show it.
    navigation : list of str
        Where the links of the site's navigation lead.
    count : Counter
        How often each kind of element occurs in the article.
    pictures : dict
        The address of each picture in the article, with its description.
    """

    path: Path
    language: str = ""
    ids: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    navigation: list[str] = field(default_factory=list)
    count: Counter[str] = field(default_factory=Counter)
    pictures: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()
        self._inside: list[str] = []
        self.feed(self.path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element is and where it leads."""
        given = {name: value or "" for name, value in attrs}
        if tag in {"nav", "article"}:
            self._inside.append(tag)
        if tag == "html":
            self.language = given.get("lang", "")
        if "id" in given:
            self.ids.append(given["id"])
        if tag in {"a", "area"} and "href" in given:
            self.links.append(given["href"])
            if "nav" in self._inside:
                self.navigation.append(given["href"])
        if given.get(_FETCHED.get(tag, "")):
            self.fetched.append(given[_FETCHED[tag]])
        if tag == "link" and _FETCHED_LINKS & set(given.get("rel", "").split()):
            self.fetched.append(given["href"])
        if "article" in self._inside:
            self.count[tag] += 1
            if tag == "img":
                self.pictures[given["src"]] = given.get("alt", "")

    def handle_endtag(self, tag: str) -> None:
        """Note that a part of the page is over."""
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()


def read(site: Path) -> dict[str, PageOfHtml]:
    """All pages of a site, by their place in it."""
    return {
        path.relative_to(site).as_posix(): PageOfHtml(path) for path in sorted(site.rglob("*.html"))
    }
