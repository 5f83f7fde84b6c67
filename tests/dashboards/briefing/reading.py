"""What a reader sees of a page."""

from __future__ import annotations

from html.parser import HTMLParser

import httpx


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.extend(data.split())


def shown(html: str) -> str:
    """What a reader sees, its spaces made plain."""
    parser = _Text()
    parser.feed(html)
    text = " ".join(parser.words).replace("\N{NO-BREAK SPACE}", " ")
    return text.replace("\N{WORD JOINER}", "")


def page(client: httpx.Client, address: str = "/live", status: int = 200) -> str:
    """What a reader sees at an address."""
    answer = client.get(address)
    assert answer.status_code == status, answer.text
    return shown(answer.text)
