"""``skolro patterns backtest``: how good earlier plans would have been."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import numpy as np
import typer

from collector.analysis.backtest import TRAINING_WEEKS, Backtest, backtest
from collector.analysis.coverage import Coverage, TrueRates, rate_coverage
from collector.analysis.effect import Effect, Patrol, patrol_effect
from collector.analysis.hours import SiteHours, hour_at, time_of
from collector.analysis.patrol import MIN_MEASURED_H
from collector.analysis.school_calendar import SchoolCalendar
from collector.commands.opened import ConfigOption, JsonOption, Opened, opened, print_json
from collector.commands.pattern_options import (
    SIMULATED_NOTE,
    CalendarOption,
    FromOption,
    ToOption,
    number,
    percent,
    period_of,
)
from collector.errors import AnalysisError
from collector.pattern_answers import hours_in, school_calendar

_USUAL: Final = timedelta(weeks=26)


class _Expected(msgspec.Struct, frozen=True):
    first_hour: int
    sites: dict[str, list[float]]


class _TrueEffect(msgspec.Struct, frozen=True):
    site: str
    ratio: float


class _Truth(msgspec.Struct, frozen=True):
    """What of ``truth.json`` is used here."""

    expected: _Expected
    effects: list[_TrueEffect]

    def rates(self) -> TrueRates:
        """Expected episodes of each site, hour by hour."""
        first = self.expected.first_hour
        return {site: (first, np.array(values)) for site, values in self.expected.sites.items()}


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
    known = None if truth is None else _truth_at(truth)
    with opened(config) as collector:
        period = period_of(collector, None, begin, end, _USUAL)
        tables = list(hours_in(collector.ledger, period).values())
        school = school_calendar(collector.config, calendar)
        logged = _patrols(collector, period.start, period.end)
    rates = None if known is None else _rates_of(known, tables)
    ends = hour_at(period.end)
    try:
        tested = backtest(
            tables, school, truth=rates, training_weeks=training_weeks,
            windows=patrols, hours=hours, end_hour=ends,
        )  # fmt: skip
    except ValueError as error:
        raise AnalysisError(f"nothing can be tested: {error}; widen --from and --to") from error
    if not tested.weeks:
        raise AnalysisError(
            f"there are not {training_weeks + 1} whole weeks of data: "
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
    for line in _described(tested, coverage, effects, of_truth=known is not None):
        typer.echo(line)


def _truth_at(path: Path) -> _Truth:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Truth)
    except OSError as error:
        raise AnalysisError(f"--truth {path} cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise AnalysisError(
            f"--truth {path} is not the truth.json of a simulated town: {error}"
        ) from error


def _rates_of(known: _Truth, tables: list[SiteHours]) -> TrueRates:
    rates = known.rates()
    missing = [table.site for table in tables if table.site not in rates]
    if missing:
        raise AnalysisError(
            f"the truth says nothing of {', '.join(missing)}: give the truth.json of this town"
        )
    return rates


def _patrols(collector: Opened, start: datetime, end: datetime) -> list[Patrol]:
    return [
        Patrol(site=one.site, start=one.start, end=one.end)
        for one in collector.registry.inventory().patrols
        if start <= one.start < end
    ]


_Found = tuple[Effect, float | None]


def _effects(
    tables: list[SiteHours], calendar: SchoolCalendar, logged: list[Patrol], known: _Truth | None
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


def _described(
    tested: Backtest, coverage: Coverage | None, effects: list[_Found], *, of_truth: bool
) -> list[str]:
    what = "expected episodes" if of_truth else "counted episodes"
    best = f"best windows {number(sum(week.best for week in tested.weeks))}"
    met = f"plans {number(sum(week.met for week in tested.weeks))}"
    lines = [
        f"{len(tested.weeks)} weeks, {what}: {best}, {met}, which is {percent(tested.share)}.",
        f"A raw heat map would meet {percent(tested.raw_share)}.",
        f"Windows recommended with less than {MIN_MEASURED_H:g} h measured: {_unmeasured(tested)}.",
    ]
    if coverage is not None:
        lines.append(
            f"95 % intervals that hold the true rate: {percent(coverage.share)} of "
            f"{coverage.cells}, of busy hours {percent(coverage.busy_share)} of "
            f"{coverage.busy_cells}."
        )
    for effect, true in effects:
        ratio = effect.ratio
        beside = "" if true is None else f" (true: {true:.2f})"
        enough = "" if effect.enough_data else "; too few data to find even a halving surely"
        lines.append(
            f"Patrols at {effect.site}: {ratio.ratio:.2f} of before, 95 % interval "
            f"{ratio.low:.2f} to {ratio.high:.2f}{beside}{enough}."
        )
    return lines


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
                "power": effect.power,
                "true_ratio": true,
            }
            for effect, true in effects
        ],
    }  # fmt: skip


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else value
