"""The charts of a document, as the pages' own charts drawn to SVG."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from collector import vega
from collector.analysis.levels import PeriodLevels, energy, level_db
from collector.analysis.pass_speeds import speed_table
from collector.charts import THEMES, ChartWords, EventPoint, LevelLine, Spec, level_chart
from collector.evidence import excerpt
from collector.evidence.document.sketch import FONT
from collector.evidence.figures.evaluation import Evaluated, NodeRows
from collector.evidence.language import Language
from collector.exposure_charts import CoverageWords, HourCoverage, coverage_chart, frequency_chart
from collector.pattern_charts import PatternWords, episode_chart, speed_chart

_LEAST_S = 3600.0


def drawings(evaluated: Evaluated, registry: excerpt.Excerpt, words: Language) -> dict[str, bytes]:
    """Return the charts that there is something to show in, by name, as SVG."""
    zone = ZoneInfo(registry.site.time_zone)
    report = evaluated.report
    made: dict[str, Callable[[], Spec]] = {
        "coverage": lambda: _coverage(evaluated, zone, words),
        "hours": lambda: frequency_chart(
            [str(one.hour) for one in report.by_hour],
            [_rate(one.passes, one.measured_s) for one in report.by_hour],
            title=words.text("results.hour_axis"),
            axis=words.text("results.by_hour_axis"),
            width=300,
        ),
        "days": lambda: frequency_chart(
            [_day(one.date, words) for one in report.by_day],
            [_rate(one.passes, one.measured_s) for one in report.by_day],
            title="",
            axis=words.text("results.by_hour_axis"),
            width=300,
        ),
        "levels": lambda: _levels(evaluated, zone, words),
    }
    if evaluated.episodes:
        made["episodes"] = lambda: episode_chart(
            evaluated.episodes,
            report.request.start,
            report.request.end,
            zone=zone,
            words=_pattern_words(words),
        )
    if report.speeds_all.measured:
        table = speed_table(evaluated.passes, registry.speed_limits, registry.site.time_zone)
        made["speeds"] = lambda: speed_chart(table, words=_pattern_words(words))
    return {name: vega.svg(_dressed(draw(), words)).encode() for name, draw in made.items()}


def _dressed(spec: Spec, words: Language) -> Spec:
    # The typesetter has this font within, on every machine.
    spec.setdefault("config", {})["font"] = FONT
    if words.code == "sv":
        spec["config"]["locale"] = {"number": _SWEDISH_NUMBERS}
    return spec


_SWEDISH_NUMBERS: dict[str, Any] = {
    "decimal": ",",
    "thousands": "\N{NO-BREAK SPACE}",
    "grouping": [3],
    "currency": ["", " kr"],
}


def _rate(count: int, measured_s: float) -> float | None:
    # Of less than an hour a rate says nothing.
    return round(3600 * count / measured_s, 4) if measured_s >= _LEAST_S else None


def _day(date: str, words: Language) -> str:
    day = datetime.fromisoformat(date)
    return words.day_short(day) if words.code == "en" else f"{day.day}/{day.month}"


def _coverage(evaluated: Evaluated, zone: ZoneInfo, words: Language) -> Spec:
    report = evaluated.report
    coverage = report.coverage
    first = int(report.request.start.timestamp() // 3600)
    start_s, end_s = report.request.start.timestamp(), report.request.end.timestamp()
    hours = []
    pairs = zip(coverage.hour_measured_s, coverage.hour_excluded_s, strict=True)
    for number, (measured_s, excluded_s) in enumerate(pairs, start=first):
        local = datetime.fromtimestamp(number * 3600, zone)
        asked_s = min((number + 1) * 3600, end_s) - max(number * 3600, start_s)
        day = _day(local.date().isoformat(), words)
        hours.append(HourCoverage(day, local.hour, asked_s, measured_s, excluded_s))
    names = {
        name: words.text(f"coverage.{name}") for name in ("measured", "partly", "left_out", "none")
    }
    return coverage_chart(hours, words=CoverageWords(**names, hour=words.text("results.hour_axis")))


def _levels(evaluated: Evaluated, zone: ZoneInfo, words: Language) -> Spec:
    events = [
        EventPoint(one.start.timestamp(), one.lafmax_db, "") for one in evaluated.report.worst
    ]
    lines = [LevelLine(row.node, _hourly(row)) for row in evaluated.rows]
    return level_chart(
        lines,
        events,
        zone=zone,
        words=_chart_words(words),
        theme=THEMES["light"],
        width=640,
        height=150,
    )


def _hourly(row: NodeRows) -> PeriodLevels:
    """Quarter-hours joined to hours, as far as there are whole ones."""
    quarters = row.quarters
    first = int(-quarters.start_s[0] // 900 % 4)
    count = (len(quarters.start_s) - first) // 4
    if not count:
        return quarters
    chosen = slice(first, first + 4 * count)
    measured = quarters.measured_s[chosen].reshape(count, 4)
    sums = np.where(measured > 0, energy(quarters.laeq_db[chosen].reshape(count, 4)), 0.0)
    with np.errstate(invalid="ignore"):
        levels = level_db((sums * measured).sum(axis=1) / measured.sum(axis=1))
    return PeriodLevels(
        quarters.start_s[chosen][::4], quarters.end_s[chosen][3::4], levels, measured.sum(axis=1)
    )


def _chart_words(words: Language) -> ChartWords:
    return ChartWords(
        level=words.text("levels.level"),
        level_axis=words.text("levels.axis"),
        nothing=words.text("levels.nothing"),
        event=words.text("levels.event"),
        node=words.text("levels.node"),
        time=words.text("levels.time"),
        exposure=words.text("levels.exposure"),
        number=words.number,
        clock=words.clock,
        day=words.day_short,
        measured=lambda measured_s, whole_s: f"{measured_s:.0f}/{whole_s:.0f} s",
    )


def _pattern_words(words: Language) -> PatternWords:
    return PatternWords(
        day_format=words.text("calendar.day_format"),
        weekdays=tuple(words.texts("calendar.weekdays")),
        hour=words.text("results.hour_axis"),
        passes=words.text("results.passes_axis"),
        speed=words.text("speed.axis"),
        count=words.text("speed.count_axis"),
        limit=words.text("speed.limit_mark"),
    )
