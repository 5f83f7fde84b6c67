"""``skolro patterns episodes``: passes that belong together, each with its reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import typer

from collector.analysis.episodes import Episode, Reason, ReasonCode
from collector.commands.opened import ConfigOption, JsonOption, opened, print_json, print_table
from collector.commands.pattern_options import (
    FromOption,
    PlotOption,
    SiteOption,
    ToOption,
    number,
    period_of,
    save_plot,
    title,
)
from collector.commands.wording import some
from collector.pattern_charts import episode_chart
from collector.pattern_tables import episodes_by_site

_USUAL: Final = timedelta(weeks=4)
_TEXTS: Final[Mapping[ReasonCode, str]] = {
    "repeated_passes": "{visits:.0f} times within {within_minutes:.0f} min",
    "both_directions": "{turns:.0f} times back the other way",
    "several_vehicles": "up to {vehicles:.0f} vehicles in a row, {often}",
    "revving": "revved while standing, {often}, {seconds:.0f} s in all",
    "neighbouring_sites": "within {within_minutes:.0f} min also at {sites}",
}


def patterns_episodes(
    site: SiteOption,
    config: ConfigOption,
    begin: FromOption = None,
    end: ToOption = None,
    as_json: JsonOption = False,
    plot: PlotOption = None,
) -> None:
    """List episodes at a site with what speaks for each; the last four weeks unless told."""
    with opened(config) as collector:
        place = collector.registry.site(site)
        period = period_of(collector, site, begin, end, _USUAL)
        found = episodes_by_site(
            collector.ledger, period.start, period.end, simulated=period.simulated
        ).get(site, [])
    zone = ZoneInfo(place.time_zone)
    if plot is not None:
        save_plot(plot, episode_chart(found, period.start, period.end, zone=zone))
    if as_json:
        print_json({"site": site, **period.as_dict(), "episodes": [asdict(one) for one in found]})
        return
    typer.echo(title(place, period))
    print_table(
        ("Begins", "Ends", "Passes", "Unconfirmed", "LAFmax dB", "Fastest km/h", "Because"),
        [_row(one, zone) for one in found],
        "No episode was found.",
    )


def _row(one: Episode, zone: ZoneInfo) -> list[str]:
    return [
        f"{one.start.astimezone(zone):%a %Y-%m-%d %H:%M}",
        _clock(one.end, zone),
        str(one.passes),
        str(one.unconfirmed),
        number(one.lafmax_db),
        "–" if one.speed_kmh is None else number(one.speed_kmh, 0),
        "; ".join(_text(reason) for reason in one.reasons),
    ]


def _clock(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%H:%M}"


def _text(reason: Reason) -> str:
    often = some(int(reason.numbers.get("times", 0)), "time")
    values = {**reason.numbers, "often": often, "sites": ", ".join(reason.sites)}
    return _TEXTS[reason.code].format_map(values)
