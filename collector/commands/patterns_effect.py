"""``skolro patterns effect``: what followed the patrols at a site, and whether it only moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from math import exp
from typing import Annotated, Final

import typer

from collector.analysis.cells import What
from collector.analysis.effect import Effect
from collector.analysis.ratio import Ratio
from collector.analysis.relapse import Relapse
from collector.commands.opened import (
    ConfigOption,
    JsonOption,
    opened,
    print_json,
    print_table,
)
from collector.commands.pattern_options import (
    CalendarOption,
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
from collector.commands.patterns_rates import Counted
from collector.pattern_answers import HALF_A_YEAR, effect_at, school_calendar
from collector.pattern_charts import effect_chart

FEW_SITES: Final = 3


def patterns_effect(  # noqa: PLR0913, PLR0917 - one argument an option
    site: SiteOption,
    config: ConfigOption,
    weeks: Annotated[
        int, typer.Option(min=1, max=52, help="At most so many before and after.")
    ] = 8,
    what: Annotated[Counted, typer.Option(help="What is counted.")] = Counted.EPISODES,
    calendar: CalendarOption = None,
    begin: FromOption = None,
    end: ToOption = None,
    as_json: JsonOption = False,
    plot: PlotOption = None,
) -> None:
    """Compare before and after the patrols logged in the period, the last half year unless told."""
    with opened(config) as collector:
        place = collector.registry.site(site)
        period = period_of(collector, site, begin, end, HALF_A_YEAR)
        school = school_calendar(collector.config, calendar)
        effect = effect_at(collector.ledger, site, period, school, weeks=weeks, what=what.value)
        names = {one.id: one.name for one in collector.registry.sites()}
    ratios = _ratios(effect, names)
    said = title(place, period)
    if plot is not None:
        shown = f"{what.value.capitalize()} after patrols at {place.name}, relative to before"
        save_plot(plot, effect_chart(ratios), shown, said)
    if as_json:
        told = {**asdict(effect), "enough_data": effect.enough_data}
        print_json({**period.as_dict(), "what": what.value, **told})
        return
    typer.echo(said)
    print_table(
        ("", "After / before", "95 % interval", "Says"),
        [
            [name, number(one.ratio, 2), interval((one.low, one.high), 2), _says(one)]
            for name, one in ratios.items()
        ],
        "",
    )
    for line in _notes(effect, what.value, names):
        typer.echo(line)


def _ratios(effect: Effect, names: Mapping[str, str]) -> dict[str, Ratio]:
    ratios = {f"{names[effect.site]} by itself": effect.own_ratio}
    if effect.comparison:
        ratios["against other sites"] = effect.ratio
    ratios["all sites together"] = effect.town_ratio
    moved = {f"{names[site]} against the rest": ratio for site, ratio in effect.moved_to}
    return {**ratios, **moved}


def _says(one: Ratio) -> str:
    if one.fell:
        return "fell"
    return "rose" if one.rose else "no change that could be told from chance"


def _notes(effect: Effect, what: What, names: Mapping[str, str]) -> list[str]:
    counted = (
        f"{effect.count_before} {what} in {effect.before_weeks} weeks before "
        f"({number(effect.measured_before_h, 0)} h measured), {effect.count_after} in "
        f"{effect.after_weeks} weeks after ({number(effect.measured_after_h, 0)} h)."
    )
    lines = [counted]
    if effect.comparison:
        compared = ", ".join(names[site] for site in effect.comparison)
        factor = number(exp(effect.scatter), 2)
        lines.append(
            f"Compared with {compared}, whose own ratios differ by a factor of some {factor}."
        )
        if len(effect.comparison) < FEW_SITES:
            lines.append(
                "So few sites hardly tell how much any site changes by itself: the interval is "
                "wide for that."
            )
    else:
        lines.append("No other site to compare with: any other change would look like an effect.")
    if not effect.enough_data:
        lines.append(
            f"Too few data: a halving would have been found with {percent(effect.power)} "
            "probability only."
        )
    if effect.relapse is not None:
        lines.append(_lasted(effect.relapse))
    lines += [f"It may have moved to {names[site]}." for site, _ in effect.moved_to]
    return lines


def _lasted(found: Relapse) -> str:
    if found.weeks is None:
        return "It lasts still, as far as can be told."
    least = "at least to the end" if found.low is None else f"from {found.low}"
    most = "still lasting" if found.high is None else f"{found.high}"
    return f"It was as before again after some {found.weeks} weeks ({least} to {most})."
