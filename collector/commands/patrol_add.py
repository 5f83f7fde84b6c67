"""``skolro patrol add``: log a patrol, so that its effect can be told later."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from collector.commands.opened import ConfigOption, opened
from collector.commands.pattern_options import SiteOption, local_time
from collector.registry.registry import Patrol


def patrol_add(
    site: SiteOption,
    start: Annotated[str, typer.Option(help="When it began, such as 2026-11-20T20:00.")],
    end: Annotated[str, typer.Option(help="When it ended, such as 2026-11-20T22:00.")],
    config: ConfigOption,
    note: Annotated[str, typer.Option(help="What people should know of it.")] = "",
) -> None:
    """Log that there was a patrol at a site; times are local."""
    with opened(config) as collector:
        zone = ZoneInfo(collector.registry.site(site).time_zone)
        patrol = Patrol(
            site=site,
            start=local_time(start, "--start", zone),
            end=local_time(end, "--end", zone),
            note=note,
        )
        number = collector.registry.add_patrol(patrol)
    typer.echo(f"Patrol {number} at {site} is logged.")
