"""``skolro site limit add``: tell which speed is allowed at a site, and when."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer

from collector.commands.opened import ConfigOption, opened
from collector.commands.pattern_options import SiteOption, local_time
from collector.errors import RegistryError
from collector.registry.inventory import WEEKDAYS
from collector.registry.registry import SpeedLimit

_EVERY_DAY: Final = "mon-sun"


def site_limit_add(
    kmh: Annotated[float, typer.Argument(help="The limit in km/h.")],
    site: SiteOption,
    config: ConfigOption,
    source: Annotated[str, typer.Option(help="Where it is written, as a local traffic rule.")],
    days: Annotated[str, typer.Option(help="On which days, as mon-fri or sat,sun.")] = _EVERY_DAY,
    begin: Annotated[str, typer.Option("--from", help="From this time of day.")] = "00:00",
    end: Annotated[str, typer.Option("--to", help="To this time of day.")] = "24:00",
    since: Annotated[
        str | None, typer.Option(help="The day on which it began, such as 2026-08-17; now.")
    ] = None,
) -> None:
    """Add a posted limit; one for the same days and hours replaces the last one from then on."""
    with opened(config) as collector:
        zone = ZoneInfo(collector.registry.site(site).time_zone)
        limit = SpeedLimit(
            site=site,
            kmh=kmh,
            since=local_time(since, "--since", zone) if since else datetime.now(UTC),
            weekdays=_weekdays(days),
            from_time=begin,
            to_time=end,
            source=source,
        )
        collector.registry.add_speed_limit(limit)
    first = limit.since.astimezone(zone)
    typer.echo(f"{kmh:g} km/h at {site}, {days} {begin} to {end}, from {first:%Y-%m-%d} on.")


def _weekdays(text: str) -> tuple[int, ...]:
    chosen: set[int] = set()
    for part in text.lower().split(","):
        first, _, last = part.strip().partition("-")
        try:
            begin, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        except ValueError:
            raise RegistryError(
                f"--days {text!r} are no days: write them as mon-fri or sat,sun"
            ) from None
        chosen |= {(begin + i) % 7 + 1 for i in range((end - begin) % 7 + 1)}
    return tuple(sorted(chosen))
