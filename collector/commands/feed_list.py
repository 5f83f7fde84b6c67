"""``skolro collector feed list``: the secret addresses of feeds."""

from __future__ import annotations

from dataclasses import asdict

from collector.commands.feed_add import FEEDS
from collector.commands.opened import (
    ConfigOption,
    JsonOption,
    Opened,
    opened,
    print_json,
    print_table,
)
from collector.registry.links import Link, Links


def feed_list(config: ConfigOption, as_json: JsonOption = False) -> None:
    """List who can read which feed, and when they last did."""
    with opened(config) as collector:
        links = Links(collector.engine).all(*FEEDS)
        rows = [link_row(one, collector) for one in links]
    if as_json:
        print_json([asdict(one) for one in links])
        return
    print_table(
        LINK_COLUMNS, rows, "No feed is given away: make an address with skolro collector feed add."
    )


LINK_COLUMNS = ("Link", "For", "Site", "Note", "Made", "Last used", "Revoked")


def link_row(one: Link, collector: Opened) -> list[str]:
    """A link as a line of a table."""
    return [
        str(one.id),
        one.purpose,
        one.site or "all",
        one.note,
        collector.local(one.made_at),
        collector.local(one.used_at),
        collector.local(one.revoked_at),
    ]
