"""``skolro patterns plan``: where and when to go in the coming week."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer

from collector.analysis.hours import time_of
from collector.analysis.patrol import Plan, Window
from collector.commands.opened import ConfigOption, JsonOption, opened, print_json, print_table
from collector.commands.pattern_options import (
    SIMULATED_NOTE,
    CalendarOption,
    FromOption,
    PlotOption,
    ToOption,
    interval,
    number,
    period_of,
    save_plot,
)
from collector.pattern_answers import HALF_A_YEAR, hours_in, planned_week, school_calendar
from collector.pattern_charts import plan_chart
from collector.registry.inventory import Site

_COLUMNS: Final = (
    "When", "Site", "Expected episodes", "95 % interval", "Seen", "Measured h", "Note",
)  # fmt: skip


def patterns_plan(  # noqa: PLR0913, PLR0917 - one argument an option
    config: ConfigOption,
    site: Annotated[str | None, typer.Option(help="Only this site; all unless told.")] = None,
    patrols: Annotated[int, typer.Option(min=1, max=50, help="How many windows.")] = 3,
    hours: Annotated[int, typer.Option(min=1, max=12, help="How long each is.")] = 2,
    crews: Annotated[int, typer.Option(min=1, help="How many can be out at once.")] = 1,
    calendar: CalendarOption = None,
    begin: FromOption = None,
    end: ToOption = None,
    as_json: JsonOption = False,
    plot: PlotOption = None,
) -> None:
    """The best windows of the week that begins at --to, from what was measured before it."""
    with opened(config) as collector:
        sites = collector.registry.inventory().sites
        if site is not None:
            collector.registry.site(site)
        period = period_of(collector, site, begin, end, HALF_A_YEAR)
        tables = hours_in(collector.ledger, period, site)
        school = school_calendar(collector.config, calendar)
    plan = planned_week(tables, school, period.end, windows=patrols, hours=hours, crews=crews)
    if plot is not None:
        save_plot(plot, plan_chart(plan, {one: _named(sites[one]) for one in tables}))
    if as_json:
        print_json({**period.as_dict(), **_as_dict(plan)})
        return
    _print(plan, sites, period.simulated)


def _print(plan: Plan, sites: Mapping[str, Site], simulated: bool) -> None:
    if simulated:
        typer.echo(SIMULATED_NOTE)
    rows = [_row(one, sites[one.site], "") for one in plan.windows]
    rows += [_row(one, sites[one.site], "not chosen") for one in plan.missed]
    print_table(_COLUMNS, rows, "No window has enough measurement behind it to be recommended.")
    typer.echo(
        f"{number(plan.expected_met)} of {number(plan.expected_all)} expected episodes of the "
        "week lie in the chosen windows."
    )
    unknown = {name: count for name, count in plan.unmeasured_h.items() if count}
    if unknown:
        told = ", ".join(f"{sites[name].name} {count} h" for name, count in unknown.items())
        typer.echo(f"Too little measured to judge, of 168 hours: {told}.")


def _row(one: Window, site: Site, note: str) -> list[str]:
    if not one.same_day_type:
        note = f"{note}; other type of day" if note else "rests on other types of day"
    end = local(one.start_hour + one.hours, site)
    return [
        f"{local(one.start_hour, site):%a %Y-%m-%d %H:%M}–{end:%H:%M}",
        site.name,
        number(one.expected, 2),
        interval((one.low, one.high), 2),
        str(one.seen),
        number(one.measured_h),
        note,
    ]


def local(hour: int, site: Site) -> datetime:
    """When an hour begins there."""
    return time_of(hour).astimezone(ZoneInfo(site.time_zone))


def _named(site: Site) -> tuple[str, ZoneInfo]:
    return site.name, ZoneInfo(site.time_zone)


def _as_dict(plan: Plan) -> dict[str, object]:
    def windows(chosen: tuple[Window, ...]) -> list[dict[str, object]]:
        return [
            {
                **asdict(one),
                "start": time_of(one.start_hour),
                "end": time_of(one.start_hour + one.hours),
            }
            for one in chosen
        ]

    return {
        "week_from": time_of(plan.first_hour),
        "windows": windows(plan.windows),
        "missed": windows(plan.missed),
        "expected_met": plan.expected_met,
        "expected_all": plan.expected_all,
        "unmeasured_h": plan.unmeasured_h,
    }
