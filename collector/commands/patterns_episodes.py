"""``skolro patterns episodes``: passes that belong together, each with its reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
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
        names = {one.id: one.name for one in collector.registry.sites()}
    zone = ZoneInfo(place.time_zone)
    said = title(place, period)
    if plot is not None:
        chart = episode_chart(found, period.start, period.end, zone=zone)
        save_plot(plot, chart, "Episodes by day and hour", said)
    if as_json:
        print_json({"site": site, **period.as_dict(), "episodes": [asdict(one) for one in found]})
        return
    typer.echo(said)
    print_table(
        ("When", "Passes", "Unconfirmed", "LAFmax dB", "Fastest km/h", "Because"),
        [_row(one, zone, names) for one in found],
        "No episode was found.",
    )


def _row(one: Episode, zone: ZoneInfo, names: Mapping[str, str]) -> list[str]:
    start, end = (at.astimezone(zone) for at in (one.start, one.end))
    return [
        f"{start:%a %Y-%m-%d %H:%M}–{end:%H:%M}",
        str(one.passes),
        str(one.unconfirmed),
        number(one.lafmax_db),
        "–" if one.speed_kmh is None else number(one.speed_kmh, 0),
        "; ".join(_text(reason, names) for reason in one.reasons),
    ]


def _text(reason: Reason, names: Mapping[str, str]) -> str:
    often = some(int(reason.numbers.get("times", 0)), "time")
    sites = ", ".join(names[site] for site in reason.sites)
    values = {**reason.numbers, "often": often, "sites": sites}
    return _TEXTS[reason.code].format_map(values)
