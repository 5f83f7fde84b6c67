"""``skolro patterns backtest``: how good earlier plans would have been."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import typer

from collector.analysis.backtest import TRAINING_WEEKS, Backtest, backtest
from collector.analysis.coverage import BUSY_RATE, Coverage, rate_coverage
from collector.analysis.effect import Effect, Patrol, patrol_effect
from collector.analysis.hours import HOURS_A_WEEK, SiteHours, hour_at, time_of
from collector.analysis.patrol import MIN_MEASURED_H
from collector.analysis.school_calendar import SchoolCalendar
from collector.commands.opened import (
    ConfigOption,
    JsonOption,
    Opened,
    opened,
    print_json,
    print_table,
)
from collector.commands.pattern_options import (
    SIMULATED_NOTE,
    CalendarOption,
    FromOption,
    ToOption,
    interval,
    number,
    percent,
    period_of,
)
from collector.commands.town_truth import Truth, check_of_this_town, load_truth
from collector.commands.wording import some
from collector.errors import AnalysisError
from collector.pattern_answers import hours_in, school_calendar

_USUAL: Final = timedelta(weeks=26)
_COLUMNS: Final = ("", "Found", "Which is")


def patterns_backtest(  # noqa: PLR0913, PLR0917 - one argument an option
    config: ConfigOption,
    truth: Annotated[
        Path | None, typer.Option(help="truth.json of a simulated town; else what was counted.")
    ] = None,
    patrols: Annotated[int, typer.Option(min=1, max=50, help="How many windows.")] = 3,
    hours: Annotated[int, typer.Option(min=1, max=12, help="How long each is.")] = 2,
    training_weeks: Annotated[
        int, typer.Option(min=3, max=52, help="From how many weeks each plan is made.")
    ] = TRAINING_WEEKS,
    calendar: CalendarOption = None,
    begin: FromOption = None,
    end: ToOption = None,
    as_json: JsonOption = False,
) -> None:
    """Plan each week from those before it, and see how many of its episodes that would have met."""
    known = None if truth is None else load_truth(truth)
    with opened(config) as collector:
        period = period_of(collector, None, begin, end, _USUAL)
        tables = list(hours_in(collector.ledger, period).values())
        school = school_calendar(collector.config, calendar)
        logged = _patrols(collector, period.start, period.end)
        if known is not None:
            check_of_this_town(known, collector.ledger, period)
    rates = None if known is None else known.rates([table.site for table in tables])
    ends = hour_at(period.end)
    try:
        tested = backtest(
            tables, school, truth=rates, training_weeks=training_weeks,
            windows=patrols, hours=hours, end_hour=_tested_until(ends, known),
        )  # fmt: skip
    except ValueError as error:
        raise AnalysisError(f"nothing can be tested: {error}; widen --from and --to") from error
    if not tested.weeks:
        raise AnalysisError(
            f"there are not {training_weeks + (known is None)} whole weeks of data: "
            "widen --from and --to, or give fewer --training-weeks"
        )
    first = tested.weeks[0].first_hour - training_weeks * 7 * 24
    coverage = rate_coverage(tables, school, rates, first, ends) if rates else None
    effects = _effects(tables, school, logged, known)
    if as_json:
        print_json({**period.as_dict(), **_as_dict(tested, coverage, effects)})
        return
    if period.simulated:
        typer.echo(SIMULATED_NOTE)
    typer.echo(
        f"{some(len(tested.weeks), 'week')}, each planned from the {training_weeks} before it: "
        f"{some(patrols, 'window')} of {some(hours, 'hour')}."
    )
    rows = _rows(tested, coverage, effects, of_truth=known is not None)
    if known is None:
        print_table(_COLUMNS, [row[:-1] for row in rows], "")
        typer.echo("The best windows of a week are counted afterwards: no plan can come near them.")
    else:
        print_table((*_COLUMNS, "Aim"), rows, "")
        typer.echo("One town scatters about the aims; docs/patterns.md has figures of many.")
    if not logged:
        typer.echo("No patrol is logged in that time, so no effect can be looked for.")


def _tested_until(end_hour: int, known: Truth | None) -> int:
    """Where the last week ends: of the week after the data only the truth can be known."""
    after = end_hour + HOURS_A_WEEK
    return after if known is not None and known.end_hour >= after else end_hour


def _patrols(collector: Opened, start: datetime, end: datetime) -> list[Patrol]:
    return [
        Patrol(site=one.site, start=one.start, end=one.end)
        for one in collector.registry.inventory().patrols
        if start <= one.start < end
    ]


_Found = tuple[Effect, float | None]


def _effects(
    tables: list[SiteHours], calendar: SchoolCalendar, logged: list[Patrol], known: Truth | None
) -> list[_Found]:
    """The effect at each patrolled site, with the true ratio where it is known."""
    true = {one.site: one.ratio for one in known.effects} if known else {}
    found = []
    for site in sorted({one.site for one in logged}):
        try:
            effect = patrol_effect(tables, calendar, logged, site)
        except ValueError:
            # Patrolled before or after anything was measured: there is nothing to compare.
            continue
        found.append((effect, true.get(site)))
    return found


def _rows(
    tested: Backtest, coverage: Coverage | None, effects: list[_Found], *, of_truth: bool
) -> list[list[str]]:
    """Each figure with what it rests on and, where the truth is known, what is aimed at."""
    met, raw_met, best = (
        sum(getattr(week, name) for week in tested.weeks) for name in ("met", "raw_met", "best")
    )
    at_best = f"of at best {number(best)} {'expected' if of_truth else 'counted'} episodes"
    rows = [
        ["Plans met", percent(tested.share), f"{number(met)} {at_best}", "85 %"],
        ["Raw heat maps met", percent(tested.raw_share), f"{number(raw_met)} {at_best}", "–"],
        [
            "Unmeasured windows", str(_unmeasured(tested)),
            f"recommended with under {MIN_MEASURED_H:g} h of measuring", "0",
        ],
    ]  # fmt: skip
    if coverage is not None:
        busy = f"of {coverage.busy_cells} true rates from {BUSY_RATE:g} an hour on"
        rows += [
            ["95 % intervals hold", percent(coverage.share),
             f"of {coverage.cells} true rates", "92 to 98 %"],
            ["  in busy hours", percent(coverage.busy_share), busy, "–"],
        ]  # fmt: skip
    return rows + [row for effect, true in effects for row in _effect_rows(effect, true)]


def _effect_rows(effect: Effect, true: float | None) -> list[list[str]]:
    ratio = effect.ratio
    found = "fell" if ratio.fell else "rose" if ratio.rose else "no change to be told from chance"
    truly = "" if true is None else f", true {number(true, 2)}"
    return [
        [
            f"Patrols at {effect.site}", number(ratio.ratio, 2),
            f"of before ({interval((ratio.low, ratio.high), 2)}{truly}): {found}", "–",
        ],
        ["  power", percent(effect.power), "probability to find a halving there", "80 %"],
    ]  # fmt: skip


def _unmeasured(tested: Backtest) -> int:
    windows = (window for week in tested.weeks for window in week.plan.windows)
    return sum(window.measured_h < MIN_MEASURED_H for window in windows)


def _as_dict(tested: Backtest, coverage: Coverage | None, effects: list[_Found]) -> dict[str, Any]:
    return {
        "share": _or_none(tested.share),
        "raw_share": _or_none(tested.raw_share),
        "unmeasured_windows": _unmeasured(tested),
        "weeks": [
            {
                "week_from": time_of(week.first_hour),
                "met": week.met,
                "raw_met": week.raw_met,
                "best": week.best,
                "all": week.all,
                "windows": [
                    {"site": one.site, "start": time_of(one.start_hour), "hours": one.hours,
                     "expected": one.expected, "low": one.low}
                    for one in week.plan.windows
                ],
            }
            for week in tested.weeks
        ],
        "coverage": None
        if coverage is None
        else {
            "cells": coverage.cells,
            "share": _or_none(coverage.share),
            "busy_cells": coverage.busy_cells,
            "busy_share": _or_none(coverage.busy_share),
        },
        "effects": [
            {
                "site": effect.site,
                "ratio": effect.ratio.ratio,
                "low": effect.ratio.low,
                "high": effect.ratio.high,
                "fell": effect.ratio.fell,
                "power": effect.power,
                "enough_data": effect.enough_data,
                "true_ratio": true,
            }
            for effect, true in effects
        ],
    }  # fmt: skip


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else value
