"""``skolro patterns plan``: where and when to go in the coming week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    "When", "Site", "Expected episodes", "95 % interval", "Seen", "Measured h",
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
    zone = ZoneInfo(collector.config.page.time_zone)
    note = f" {SIMULATED_NOTE}" if period.simulated else ""
    said = f"Week from {period.end.astimezone(zone):%a %Y-%m-%d %H:%M}.{note}"
    if plot is not None:
        chart = plan_chart(plan, {one: _named(sites[one]) for one in tables})
        save_plot(plot, chart, "Where and when to go", said)
    if as_json:
        print_json({**period.as_dict(), **_as_dict(plan)})
        return
    typer.echo(said)
    _print(plan, sites, crews)


def _print(plan: Plan, sites: Mapping[str, Site], crews: int) -> None:
    none = "No window has enough measurement behind it to be recommended."
    _print_windows([(one, []) for one in plan.windows], sites, none)
    if plan.windows:
        typer.echo(
            f"{number(plan.expected_met)} of {number(plan.expected_all)} expected episodes of the "
            f"week lie in these windows, {number(plan.expected_all - plan.expected_met)} would be "
            "missed."
        )
    if plan.missed:
        typer.echo("The next best windows, not chosen:")
        missed = [(one, _in_the_way(one, plan.windows, crews)) for one in plan.missed]
        _print_windows(missed, sites, "")
    unknown = {name: count for name, count in plan.unmeasured_h.items() if count}
    if unknown:
        told = ", ".join(f"{sites[name].name} {count} h" for name, count in unknown.items())
        typer.echo(f"Too little measured to judge, of 168 hours: {told}.")


def _in_the_way(missed: Window, chosen: Sequence[Window], crews: int) -> list[str]:
    """Why a window was not chosen, where it is not only that less is expected of it."""
    end = missed.start_hour + missed.hours
    same_time = [
        one
        for one in chosen
        if one.start_hour < end and missed.start_hour < one.start_hour + one.hours
    ]
    return ["would need another crew"] if len(same_time) >= crews else []


def _print_windows(
    windows: Sequence[tuple[Window, list[str]]], sites: Mapping[str, Site], none: str
) -> None:
    """Print windows with what there is to note of each; without notes, without their column."""
    rows = [_row(one, sites[one.site], notes) for one, notes in windows]
    noted = any(row[-1] for row in rows)
    columns = (*_COLUMNS, "Note") if noted else _COLUMNS
    print_table(columns, rows if noted else [row[:-1] for row in rows], none)


def _row(one: Window, site: Site, notes: list[str]) -> list[str]:
    others = [] if one.same_day_type else ["rests on other types of day"]
    end = local(one.start_hour + one.hours, site)
    return [
        f"{local(one.start_hour, site):%a %Y-%m-%d %H:%M}–{end:%H:%M}",
        site.name,
        number(one.expected, 2),
        interval((one.low, one.high), 2),
        str(one.seen),
        number(one.measured_h),
        "; ".join(notes + others),
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
