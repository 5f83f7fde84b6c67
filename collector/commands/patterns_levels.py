"""``skolro patterns levels``: levels by minute, hour or day, beside guideline values."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer

from collector.analysis.guidelines import QUANTITIES, Comparison
from collector.analysis.levels import (
    DayEveningNight,
    Floats,
    LevelHours,
    PeriodLevels,
    day_evening_night,
    hour_period_levels,
    period_levels,
)
from collector.analysis.percentiles import period_exceeded_levels_db
from collector.charts import THEMES, ChartWords, LevelLine, level_chart
from collector.commands.opened import (
    ConfigOption,
    JsonOption,
    Opened,
    opened,
    print_json,
    print_table,
)
from collector.commands.pattern_options import (
    FromOption,
    PlotOption,
    SiteOption,
    ToOption,
    number,
    percent,
    period_of,
    save_plot,
    title,
)
from collector.pattern_answers import Period, beside_guidelines, levels_by_node
from collector.pattern_tables import levels_of_node, passes_of_site
from collector.registry.inventory import Guideline, Site

_COLUMNS: Final = ("Node", "From", "LAeq dB", "LAF10", "LAF50", "LAF90", "Measured", "Coverage")
_WORDS: Final = ChartWords(
    level="Level",
    level_axis="dB(A)",
    nothing="not measured",
    event="Event",
    node="Node",
    time="Time",
    exposure="Measured",
    number=lambda level: f"{level:.1f}",
    clock=lambda at: f"{at:%H:%M}",
    day=lambda at: f"{at.day} {at:%b}",
    measured=lambda part, whole: f"{part:.0f} of {whole:.0f} s",
)


class Step(StrEnum):
    """How long each period is."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


_USUAL: Final = {
    Step.MINUTE: timedelta(hours=1),
    Step.HOUR: timedelta(days=1),
    Step.DAY: timedelta(weeks=4),
}


@dataclass(frozen=True, slots=True)
class _NodeLevels:
    """What one node measured; `laf_db` has LAF10, LAF50 and LAF90 of each period."""

    node: str
    hours: LevelHours
    periods: PeriodLevels
    laf_db: Floats
    day: DayEveningNight
    compared: list[tuple[Guideline, Comparison]]


def patterns_levels(
    site: SiteOption,
    config: ConfigOption,
    by: Annotated[Step, typer.Option(help="Length of each period.")] = Step.HOUR,
    begin: FromOption = None,
    end: ToOption = None,
    as_json: JsonOption = False,
    plot: PlotOption = None,
) -> None:
    """Levels of each node at a site, with how much of each period was measured."""
    with opened(config) as collector:
        place = collector.registry.site(site)
        period = period_of(collector, site, begin, end, _USUAL[by])
        found = _levels(collector, place, period, by)
        unknown = [
            one for one in collector.registry.guidelines(site) if one.quantity not in QUANTITIES
        ]
    zone = ZoneInfo(place.time_zone)
    if plot is not None:
        lines = [LevelLine(one.node, one.periods) for one in found]
        spec = level_chart(lines, [], zone=zone, words=_WORDS, theme=THEMES["light"], width=720)
        save_plot(plot, spec, f"LAeq by {by.value}, dB(A)", title(place, period))
    if as_json:
        print_json({"site": site, **period.as_dict(), "nodes": [_as_dict(one) for one in found]})
        return
    typer.echo(title(place, period))
    rows = [row for one in found for row in _rows(one, zone)]
    print_table(_COLUMNS, rows, "Nothing was measured.")
    for one in found:
        typer.echo(_summary(one.node, one.day))
        for guideline, comparison in one.compared:
            typer.echo(f"  {_verdict(guideline, comparison)}")
    for other in unknown:
        known = ", ".join(QUANTITIES)
        typer.echo(f"{other.quantity} is not compared: known quantities are {known}.")


def _levels(collector: Opened, site: Site, period: Period, step: Step) -> list[_NodeLevels]:
    ledger = collector.ledger
    edges = _edges_s(period, step, ZoneInfo(site.time_zone))
    chosen = levels_by_node(ledger, site.id, period)
    passes = passes_of_site(ledger, site.id, period.start, period.end, simulated=period.simulated)
    guidelines = collector.registry.guidelines(site.id)
    found = []
    for node, hours in chosen.items():
        table = levels_of_node(ledger, node, period.start, period.end, simulated=period.simulated)
        # What a batch says of an hour says nothing of one of its minutes.
        fits = table.batch_s <= edges[1] - edges[0]
        laf_db = period_exceeded_levels_db(
            table.batch_start_s[fits], table.laf_db[fits], table.batch_measured_s[fits], edges
        )
        if step is Step.MINUTE:
            periods = period_levels(table.start_s, table.interval_s, table.laeq_db, edges)
        else:
            periods = hour_period_levels(hours, edges)
        found.append(
            _NodeLevels(
                node=node,
                hours=hours,
                periods=periods,
                laf_db=laf_db,
                day=day_evening_night(hours, site.time_zone, *period.hours),
                compared=beside_guidelines(guidelines, site, period, node, hours, passes),
            )
        )
    return found


def _edges_s(period: Period, step: Step, zone: ZoneInfo) -> list[float]:
    """Limits of whole minutes, hours or local days that the period touches."""
    if step is Step.DAY:
        return _days_s(period, zone)
    length = 60 if step is Step.MINUTE else 3600
    first = int(period.start.timestamp() // length)
    last = -int(-period.end.timestamp() // length)
    return [float(number * length) for number in range(first, last + 1)]


def _days_s(period: Period, zone: ZoneInfo) -> list[float]:
    day = period.start.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    edges = [day.timestamp()]
    while edges[-1] < period.end.timestamp():
        # Of the wall clock: a local day may have 23 or 25 hours.
        day += timedelta(days=1)
        edges.append(day.timestamp())
    return edges


def _rows(one: _NodeLevels, zone: ZoneInfo) -> list[list[str]]:
    periods = one.periods
    columns = zip(
        periods.start_s.tolist(),
        periods.laeq_db.tolist(),
        one.laf_db.tolist(),
        periods.measured_s.tolist(),
        periods.coverage.tolist(),
        strict=True,
    )
    return [
        [
            one.node,
            _clock(datetime.fromtimestamp(start_s, zone)),
            number(laeq_db),
            *(number(level) for level in laf_db),
            f"{measured_s:.0f} s",
            percent(coverage),
        ]
        for start_s, laeq_db, laf_db, measured_s, coverage in columns
    ]


def _clock(at: datetime) -> str:
    # At the end of summer time an hour of the clock comes twice.
    return f"{at:%Y-%m-%d %H:%M}{' again' if at.fold else ''}"


def _summary(node: str, day: DayEveningNight) -> str:
    parts = [
        f"{name} {number(level)} dB ({percent(coverage)} measured)"
        for name, level, coverage in zip(
            ("day", "evening", "night"), day.laeq_db.tolist(), day.coverage.tolist(), strict=True
        )
    ]
    return f"{node}: Lden {number(day.lden_db)} dB; {', '.join(parts)}."


def _verdict(guideline: Guideline, one: Comparison) -> str:
    if one.quantity == "lafmax_5_an_hour":
        found = f"{number(one.found)} passes an hour over {one.value_db:g} dB in the worst hour"
        counted = f"{one.exceedances} of {one.of} passes in hours of use"
        why = "no hour of use was measured for 10 h"
    else:
        found = f"{number(one.found)} dB beside {one.value_db:g} dB"
        counted = f"{one.exceedances} of {one.of} measured days"
        why = "a part of the day was never measured"
    verdict = {True: "above", False: "not above", None: f"cannot be told, since {why}"}
    return (
        f"{one.quantity} ({guideline.source}): {verdict[one.exceeded]}; {found}, "
        f"allowed {one.allowed:g}; {counted} above; {percent(one.coverage)} of the time measured."
    )


def _as_dict(one: _NodeLevels) -> dict[str, object]:
    periods = [
        {
            "start": datetime.fromtimestamp(start_s, UTC),
            "end": datetime.fromtimestamp(end_s, UTC),
            "laeq_db": laeq_db,
            "laf10_db": laf_db[0],
            "laf50_db": laf_db[1],
            "laf90_db": laf_db[2],
            "measured_s": measured_s,
        }
        for start_s, end_s, laeq_db, laf_db, measured_s in zip(
            one.periods.start_s.tolist(),
            one.periods.end_s.tolist(),
            one.periods.laeq_db.tolist(),
            one.laf_db.tolist(),
            one.periods.measured_s.tolist(),
            strict=True,
        )
    ]
    names = ("lday_db", "levening_db", "lnight_db")
    return {
        "node": one.node,
        "periods": periods,
        "lden_db": one.day.lden_db,
        **dict(zip(names, one.day.laeq_db.tolist(), strict=True)),
        "coverage_day_evening_night": one.day.coverage.tolist(),
        "guidelines": [
            {
                **asdict(comparison),
                "source": guideline.source,
                "note": guideline.note,
                "exceeded": comparison.exceeded,
                "coverage": comparison.coverage,
            }
            for guideline, comparison in one.compared
        ],
    }
