"""``skolro patrol list``: the patrols that were logged."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from collector.commands.opened import ConfigOption, JsonOption, opened, print_json, print_table


def patrol_list(
    config: ConfigOption,
    site: Annotated[str | None, typer.Option(help="Only those at the site of this id.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the patrols in order of time."""
    with opened(config) as collector:
        if site is not None:
            collector.registry.site(site)
        patrols = collector.registry.patrols(site)
        rows = [
            [str(one.id), one.site, collector.local(one.start), collector.local(one.end), one.note]
            for one in patrols
        ]
    if as_json:
        print_json([asdict(one) for one in patrols])
        return
    print_table(
        ("Patrol", "Site", "Start", "End", "Note"),
        rows,
        "No patrol is logged: add one with skolro patrol add.",
    )
