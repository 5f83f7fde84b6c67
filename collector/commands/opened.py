"""What the commands share: the ledger that a configuration names, and how things are shown."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import Engine

from collector.config import CollectorConfig, load_config
from collector.database.database import open_database
from collector.ledger.ledger import Ledger
from collector.registry.registry import Registry

ConfigOption: TypeAlias = Annotated[
    Path, typer.Option("--config", help="The collector's configuration, collector.toml.")
]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="As JSON.")]

_NARROWEST: Final = 100
_WIDEST_CELL: Final = 60


class Opened(NamedTuple):
    """A collector's configuration with its open ledger."""

    config: CollectorConfig
    ledger: Ledger
    registry: Registry
    engine: Engine

    def local(self, at: datetime | None) -> str:
        """Return a time as people there read it."""
        if at is None:
            return "–"
        zone = ZoneInfo(self.config.page.time_zone)
        return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


@contextmanager
def opened(config_path: Path) -> Iterator[Opened]:
    """Open the ledger that the configuration names, beside a collector that runs or not."""
    config = load_config(config_path)
    engine = open_database(config.ledger)
    try:
        registry = Registry(engine)
        yield Opened(config, Ledger(engine, registry), registry, engine)
    finally:
        engine.dispose()


def print_json(value: object) -> None:
    """Print something as indented JSON."""
    encoded = msgspec.json.format(msgspec.json.encode(value), indent=2)
    sys.stdout.write(encoded.decode() + "\n")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], empty: str) -> None:
    """Print a table, or the sentence `empty` where there are no rows."""
    console = Console()
    if not rows:
        console.print(Text(empty))
        return
    # Written out first: that takes more room.
    rows = [[printable(cell) for cell in row] for row in rows]
    if not console.is_terminal:
        # A file or a pipe has no width that cells would have to be squeezed into.
        longest = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
        width = sum(min(cell, _WIDEST_CELL) + 3 for cell in longest) + 1
        console.width = max(width, _NARROWEST)
    table = Table()
    room = console.width - 3 * len(columns) - 1
    for column, width in zip(columns, _widths(columns, rows, room), strict=True):
        table.add_column(column, width=width, overflow="fold")
    for row in rows:
        # As text: what is in brackets is no markup.
        table.add_row(*map(Text, row))
    console.print(table)


def _widths(columns: Sequence[str], rows: Sequence[Sequence[str]], room: int) -> list[int]:
    """How wide each column is, for all to fit in `room`: headings break before rows do.

    No word is cut as long as there is room for the longest of each column.
    """
    cells = list(zip(*rows, strict=True))
    bodies = [max(map(len, column)) for column in cells]
    titles = [_longest_word(column) for column in columns]
    words = [max(map(_longest_word, column)) for column in cells]
    widths = [max(len(title), body) for title, body in zip(columns, bodies, strict=True)]
    for least in (map(max, titles, bodies), map(max, titles, words)):
        limits = list(least)
        while sum(widths) > room and widths != limits:
            spare = [
                width if width > limit else 0 for width, limit in zip(widths, limits, strict=True)
            ]
            widths[spare.index(max(spare))] -= 1
    return widths


def _longest_word(text: str) -> int:
    return max(map(len, text.split()), default=0)


def printable(text: str) -> str:
    """Return `text` with all that could steer a terminal written out."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
