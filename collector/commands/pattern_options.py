"""What the commands about patterns share: site, period, origin, and how numbers are written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, TypeAlias
from zoneinfo import ZoneInfo

import typer

from collector import vega
from collector.charts import THEMES, Spec
from collector.commands.opened import Opened
from collector.errors import AnalysisError
from collector.pattern_answers import Period, last_known
from collector.registry.inventory import Site

SiteOption: TypeAlias = Annotated[str, typer.Option("--site", help="Id of the site.")]
FromOption: TypeAlias = Annotated[
    str | None, typer.Option("--from", help="First local day or time, such as 2026-11-02.")
]
ToOption: TypeAlias = Annotated[
    str | None, typer.Option("--to", help="Local day or time at which to end; the last known hour.")
]
PlotOption: TypeAlias = Annotated[
    Path | None, typer.Option("--plot", help="Draw it as well, to this file, as SVG.")
]
CalendarOption: TypeAlias = Annotated[
    Path | None, typer.Option("--calendar", help="TOML file of the school's terms and breaks.")
]

SIMULATED_NOTE: Final = "Simulated: none of this happened."


def period_of(
    collector: Opened, site: str | None, begin: str | None, end: str | None, usual: timedelta
) -> Period:
    """Return the period that the options name, `usual` back from its end unless told.

    What was measured counts; where a ledger holds nothing but what was simulated, that does.

    Raises
    ------
    AnalysisError
        A time cannot be read, the period is empty, or nothing is known at all.
    """
    zone = ZoneInfo(collector.config.page.time_zone)
    simulated = not collector.ledger.has_measured(site)
    stop = (
        local_time(end, "--to", zone)
        if end
        else last_known(collector.ledger, site, simulated=simulated)
    )
    # Back by the clock on the wall, so that days begin with their midnight whatever the season.
    usual_start = (stop.astimezone(zone) - usual).astimezone(UTC)
    start = local_time(begin, "--from", zone) if begin else usual_start
    if start >= stop:
        first, last = (at.astimezone(zone) for at in (start, stop))
        raise AnalysisError(
            f"the period from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} is empty: "
            "give a --from before --to"
        )
    return Period(start, stop, simulated)


def local_time(text: str, option: str, zone: ZoneInfo) -> datetime:
    """Return the time that a person wrote, local unless it says otherwise."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise AnalysisError(
            f"{option} {text!r} is no time: write it as 2026-11-22 or 2026-11-22T14:30"
        ) from error
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)


def title(site: Site, period: Period) -> str:
    """Return the line above a table: where, and over which local days."""
    zone = ZoneInfo(site.time_zone)
    first, last = (at.astimezone(zone) for at in (period.start, period.end))
    note = f" {SIMULATED_NOTE}" if period.simulated else ""
    return f"{site.name}, {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}.{note}"


def save_plot(path: Path, spec: Spec, what: str, where: str) -> None:
    """Write a chart as SVG, above it what it shows, and where and when that was.

    Raises
    ------
    AnalysisError
        The file cannot be written, or its name says that it is no SVG.
    """
    if path.suffix.lower() != ".svg":
        raise AnalysisError(f"--plot {path} is drawn as SVG: name it {path.with_suffix('.svg')}")
    heading = {"text": what, "subtitle": where, "anchor": "start", "offset": 12}
    try:
        whole = {**spec, "title": heading, "background": THEMES["light"].paper}
        path.write_text(vega.svg(whole), encoding="utf-8")
    except OSError as error:
        raise AnalysisError(f"{path} cannot be written: {error.strerror}") from error


def number(value: float, digits: int = 1, unit: str = "") -> str:
    """Write a number; a dash where there is none."""
    return "–" if math.isnan(value) else f"{value:.{digits}f}{unit}"


def interval(values: Sequence[float], digits: int = 1) -> str:
    """Write the ends of an interval."""
    low, high = values
    return f"{number(low, digits)} to {number(high, digits)}"


def percent(value: float) -> str:
    """Write a share from 0 to 1."""
    return number(100.0 * value, 0, " %")
