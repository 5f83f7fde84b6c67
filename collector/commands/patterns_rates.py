"""``skolro patterns rates``: how often, by hour of the week, for each hour that was measured."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Annotated, Final

import typer

from collector.analysis.hours import HOURS_A_WEEK
from collector.analysis.rates import Rates
from collector.analysis.school_calendar import DayType
from collector.commands.opened import ConfigOption, JsonOption, opened, print_json, print_table
from collector.commands.pattern_options import (
    CalendarOption,
    FromOption,
    PlotOption,
    SiteOption,
    ToOption,
    interval,
    number,
    period_of,
    save_plot,
    title,
)
from collector.pattern_answers import HALF_A_YEAR, fitted_rates, hours_in, school_calendar
from collector.pattern_charts import rate_chart

WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Counted(StrEnum):
    """What is counted."""

    EPISODES = "episodes"
    EVENTS = "events"


class Days(StrEnum):
    """On which days."""

    SCHOOL = "school"
    OFF = "off"
    HOLIDAY = "holiday"

    @property
    def type(self) -> DayType:
        """The type of these days."""
        return DayType[self.name]


def patterns_rates(  # noqa: PLR0913, PLR0917 - one argument an option
    site: SiteOption,
    config: ConfigOption,
    what: Annotated[Counted, typer.Option(help="What is counted.")] = Counted.EPISODES,
    days: Annotated[
        Days | None, typer.Option(help="Only school days, days off or holidays.")
    ] = None,
    calendar: CalendarOption = None,
    begin: FromOption = None,
    end: ToOption = None,
    as_json: JsonOption = False,
    plot: PlotOption = None,
) -> None:
    """Rates an hour by hour of the local week, the last half year unless told.

    Hours of the week that were never measured are left out.
    """
    with opened(config) as collector:
        place = collector.registry.site(site)
        period = period_of(collector, site, begin, end, HALF_A_YEAR)
        tables = hours_in(collector.ledger, period, site)
        school = school_calendar(collector.config, calendar)
    rates = fitted_rates(tables, school, what.value)
    rows = [row for row in _rows(rates) if days is None or row.days == days.type.text]
    said = title(place, period)
    if plot is not None:
        kind = None if days is None else days.type
        on = "" if kind is None else f", {kind.text}s only"
        shown = f"{what.value.capitalize()} an hour of measuring, by hour of the week{on}"
        save_plot(plot, rate_chart(rates, kind), shown, said)
    if as_json:
        print_json(
            {
                "site": site,
                **period.as_dict(),
                "what": what.value,
                "rates": [asdict(row) for row in rows],
            }
        )
        return
    typer.echo(said)
    rows.sort(key=lambda row: -row.rate)
    print_table(
        ("Hour", "Days", f"{what.value} an hour", "95 % interval", "Counted", "Measured h"),
        [_cells(row) for row in rows],
        "Nothing was measured.",
    )


@dataclass(frozen=True, slots=True)
class _HourRate:
    """The rate of one hour of the week on one type of day, and what it rests on."""

    days: str
    weekday: str
    hour: int
    rate: float
    low: float
    high: float
    count: float
    measured_h: float


def _rows(rates: Rates) -> list[_HourRate]:
    low, high = rates.interval()
    cells = [
        (day, hour)
        for day in DayType
        for hour in range(HOURS_A_WEEK)
        if rates.measured_h[0, day, hour] > 0
    ]
    return [
        _HourRate(
            days=day.text,
            weekday=WEEKDAYS[hour // 24],
            hour=hour % 24,
            rate=float(rates.rate[0, day, hour]),
            low=float(low[0, day, hour]),
            high=float(high[0, day, hour]),
            count=float(rates.count[0, day, hour]),
            measured_h=float(rates.measured_h[0, day, hour]),
        )
        for day, hour in cells
    ]


def _cells(row: _HourRate) -> list[str]:
    return [
        f"{row.weekday} {row.hour:02}–{row.hour + 1:02}",
        row.days,
        number(row.rate, 3),
        interval((row.low, row.high), 3),
        number(row.count, 0),
        number(row.measured_h),
    ]
