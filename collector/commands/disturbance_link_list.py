"""``skolro disturbance link list``: the schools' ways into the disturbance log."""

from __future__ import annotations

from dataclasses import asdict

from collector.commands.feed_list import LINK_COLUMNS, link_row
from collector.commands.opened import ConfigOption, JsonOption, opened, print_json, print_table
from collector.registry.links import Links


def disturbance_link_list(config: ConfigOption, as_json: JsonOption = False) -> None:
    """List the links, and when they were last used."""
    with opened(config) as collector:
        links = Links(collector.engine).all("disturbance")
        rows = [link_row(one, collector) for one in links]
    if as_json:
        print_json([asdict(one) for one in links])
        return
    print_table(
        LINK_COLUMNS, rows, "No school has a link: make one with skolro disturbance link add."
    )
