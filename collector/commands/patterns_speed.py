"""``skolro patterns speed``: V50, V85, and who was too fast, with intervals."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Final

import typer

from collector.analysis.speed import (
    Estimate,
    Share,
    SpeedFigures,
    by_hour,
    by_source,
    speed_figures,
)
from collector.commands.opened import ConfigOption, JsonOption, opened, print_json, print_table
from collector.commands.pattern_options import (
    FromOption,
    PlotOption,
    SiteOption,
    ToOption,
    interval,
    number,
    percent,
    period_of,
    save_plot,
    title,
)
from collector.pattern_charts import speed_chart
from collector.pattern_tables import passes_of_site, speeds_of

_USUAL: Final = timedelta(weeks=4)
_COLUMNS: Final = (
    "Of", "Passes", "Measured", "V50 km/h", "V85 km/h", "± km/h", "Over the limit", "Over 30",
)  # fmt: skip


def patterns_speed(
    site: SiteOption,
    config: ConfigOption,
    begin: FromOption = None,
    end: ToOption = None,
    as_json: JsonOption = False,
    plot: PlotOption = None,
) -> None:
    """Speeds at a site by hour and kind of source; the last four weeks unless told.

    Too fast is who was faster by more than 3 km/h and the speed's own uncertainty.
    """
    with opened(config) as collector:
        place = collector.registry.site(site)
        period = period_of(collector, site, begin, end, _USUAL)
        found = passes_of_site(
            collector.ledger, site, period.start, period.end, simulated=period.simulated
        )
        table = speeds_of(found, collector.registry.inventory(), place)
    total, hours, sources = speed_figures(table), by_hour(table), by_source(table)
    said = title(place, period)
    if plot is not None:
        save_plot(plot, speed_chart(table), "Speeds of passing vehicles, indicative", said)
    if as_json:
        print_json(
            {
                "site": site,
                **period.as_dict(),
                "all": _as_dict(total),
                "by_hour": {str(hour): _as_dict(one) for hour, one in hours.items()},
                "by_source": {kind: _as_dict(one) for kind, one in sources.items()},
            }
        )
        return
    typer.echo(said)
    named = {
        "all": total,
        **{_words(kind): one for kind, one in sources.items()},
        **{f"{hour:02}–{hour + 1:02}": one for hour, one in hours.items()},
    }
    rows = [_row(name, one) for name, one in named.items() if one.passes]
    print_table(_COLUMNS, rows, "No vehicle passed.")
    if total.refused:
        reasons = ", ".join(f"{count} {_words(why)}" for why, count in total.refused.items())
        typer.echo(f"Without a speed: {reasons}.")
    typer.echo("Speeds are indicative; intervals are of 95 %.")


def _row(name: str, one: SpeedFigures) -> list[str]:
    return [
        name,
        str(one.passes),
        str(one.measured),
        _estimate(one.v50_kmh),
        _estimate(one.v85_kmh),
        number(one.uncertainty_kmh),
        _share(one.over_limit),
        _share(one.over_30),
    ]


def _words(code: str) -> str:
    return code.replace("_", " ")


def _estimate(one: Estimate) -> str:
    return f"{number(one.value)} ({interval((one.low, one.high))})" if one.value > 0 else "–"


def _share(one: Share) -> str:
    if not one.of:
        return "–"
    return f"{one.count} of {one.of}, {number(100 * one.low, 0)} to {percent(one.high)}"


def _as_dict(one: SpeedFigures) -> dict[str, object]:
    shares = {
        name: {**asdict(share), "share": share.share}
        for name, share in (("over_limit", one.over_limit), ("over_30", one.over_30))
    }
    return {**asdict(one), **shares}
