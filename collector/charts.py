"""Charts of the analysis, one definition each: pages show them live, documents as SVG.

A chart carries its rows as the named data set ``levels`` or ``events``, texts ready to read. Time
is in POSIX seconds on a plain number axis whose labels are made here, so that a chart tells the
site's local time whatever time zone the reader's browser is in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from math import ceil, floor, isnan
from typing import Any, Final, Literal, TypeAlias

import altair as alt
import numpy as np
from numpy.typing import NDArray

from collector.analysis.levels import PeriodLevels

Spec: TypeAlias = dict[str, Any]

MINIMUM_COVERAGE: Final = 0.2
"""Measured part of a period below which its level is not drawn: too little to stand for it."""

_FLOOR_DB: Final = 30.0
_CEILING_DB: Final = 100.0
_MOST_LABELS: Final = 7


@dataclass(frozen=True, slots=True)
class LevelLine:
    """Levels of one node, by periods that follow each other."""

    name: str
    periods: PeriodLevels


@dataclass(frozen=True, slots=True)
class EventPoint:
    """One event: when it began (POSIX seconds), how loud it was, what to say about it."""

    time_s: float
    lafmax_db: float
    text: str


@dataclass(frozen=True, slots=True)
class ChartWords:
    """The reader's language.

    `number` writes a level with its decimal sign, `clock` a local time of day, `day` a local
    date; `measured` writes measured and whole seconds of a period.
    """

    level: str
    level_axis: str
    nothing: str
    event: str
    node: str
    time: str
    exposure: str
    number: Callable[[float], str]
    clock: Callable[[datetime], str]
    day: Callable[[datetime], str]
    measured: Callable[[float, float], str]


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of a chart; the lines' are told apart by the colour-blind (after Okabe and Ito)."""

    ink: str
    grid: str
    lines: tuple[str, ...]
    event: str
    paper: str

    @property
    def is_dark(self) -> bool:
        """Whether it is for dark paper."""
        return self == THEMES["dark"]


THEMES: Final[dict[Literal["light", "dark"], Theme]] = {
    "light": Theme(
        "#3d4852", "#dfe4e8", ("#005a9c", "#a85400", "#00705a", "#7a4b94"), "#b3123f", "#ffffff"
    ),
    "dark": Theme(
        "#c2cbd3", "#35404a", ("#6cb6f5", "#f0a860", "#4fc8a8", "#c9a3e0"), "#ff8fa8", "#182129"
    ),
}


def level_chart(
    lines: Sequence[LevelLine],
    events: Sequence[EventPoint],
    *,
    zone: tzinfo,
    words: ChartWords,
    theme: Theme,
    width: int | Literal["container"],
    height: int = 190,
) -> Spec:
    """Return the Vega-Lite specification of levels over time, with events as points above.

    A period with no or too little measurement (:data:`MINIMUM_COVERAGE`) is a gap in its line.

    Parameters
    ----------
    lines : sequence of LevelLine
        One a node; their periods begin and end together.
    events : sequence of EventPoint
        Drawn at their LAFmax.
    zone : tzinfo
        Where the clock times hold.
    width, height : int
        Of the plot in pixels; ``"container"`` fills the page's element (not for SVG).

    Raises
    ------
    ValueError
        No lines: there is no period to draw.
    """
    if not lines:
        raise ValueError("a chart of levels needs at least one line, be it without levels")
    limits = lines[0].periods
    start, end = float(limits.start_s[0]), float(limits.end_s[-1])
    ticks = hour_ticks(start, end, zone, words)
    # Not Altair's chained setters (``alt.X("t:Q").title(...)``): they share state between threads.
    x = alt.X(
        "t:Q", title=None, scale=alt.Scale(domain=[start, end], nice=False), axis=_axis(ticks)
    )
    span = alt.Scale(domain=_span(lines, events), nice=False)
    y = alt.Y("db:Q", title=words.level_axis, scale=span)
    layers = [_lines([line.name for line in lines], theme), _events(words, theme)]
    if width == "container":
        layers.insert(1, _touch(words))
    placed = [layer.encode(x=x, y=y) for layer in layers]
    if not any(measured(line.periods).any() for line in lines):
        placed.append(_nothing(words, theme))
    chart = alt.layer(*placed)
    chart = chart.properties(width=width, height=height, background="transparent", padding=2)
    spec: Spec = chart.configure(**_dress(theme)).to_dict()
    # Put in after Altair's validation, which would look at every single row.
    spec.setdefault("datasets", {}).update(
        levels=[row for line in lines for row in _rows(line, zone, words)],
        events=[_event_row(event, zone, words) for event in events],
    )
    return spec


def hour_ticks(
    start_s: float, end_s: float, zone: tzinfo, words: ChartWords
) -> list[tuple[float, str]]:
    """Return full local hours within a period as (POSIX seconds, label), some seven of them.

    Midnight is labelled with its date. Hours are counted as they pass, so the hour that autumn
    repeats is labelled twice and the one that spring leaves out not at all.
    """
    hours = (end_s - start_s) / 3600
    step = next((step for step in (1, 2, 3, 4, 6, 12) if hours / step <= _MOST_LABELS), 24)
    quarter = 900
    ticks = []
    for at in range(ceil(start_s / quarter) * quarter, floor(end_s) + 1, quarter):
        local = datetime.fromtimestamp(at, zone)
        if local.minute == 0 and local.hour % step == 0:
            ticks.append((float(at), words.day(local) if local.hour == 0 else words.clock(local)))
    return ticks


def measured(periods: PeriodLevels) -> NDArray[np.bool_]:
    """Which periods were measured for long enough to be drawn."""
    enough = periods.coverage >= MINIMUM_COVERAGE
    return np.asarray(enough & ~np.isnan(periods.laeq_db))


def _axis(ticks: Sequence[tuple[float, str]]) -> alt.Axis:
    labels = json.dumps({f"{at:.0f}": label for at, label in ticks}, ensure_ascii=False)
    return alt.Axis(
        values=[at for at, _ in ticks],
        labelExpr=f"{labels}[datum.value]",
        labelFlush=True,
        labelOverlap="greedy",
        labelSeparation=8,
        grid=True,
    )


def _span(lines: Sequence[LevelLine], events: Sequence[EventPoint]) -> list[float]:
    # The same span for all sites, so that two charts can be compared; wider only where it must.
    levels = [float(level) for line in lines for level in line.periods.laeq_db]
    shown = [level for level in levels if not isnan(level)] + [e.lafmax_db for e in events]
    lowest = floor(min(shown, default=_FLOOR_DB) / 10) * 10.0
    highest = ceil(max(shown, default=_CEILING_DB) / 10) * 10.0
    return [min(_FLOOR_DB, lowest), max(_CEILING_DB, highest)]


def _lines(names: Sequence[str], theme: Theme) -> alt.Chart:
    colours = [theme.lines[index % len(theme.lines)] for index in range(len(names))]
    legend = alt.Legend(orient="top", symbolType="stroke") if len(names) > 1 else None
    scale = alt.Scale(domain=names, range=colours)
    colour = alt.Color("node:N", title=None, scale=scale, legend=legend)
    # Round caps show a single period between two gaps, which is a line without length.
    chart: alt.Chart = (
        alt.Chart(alt.NamedData("levels"))
        .mark_line(invalid="break-paths-show-domains", strokeCap="round", aria=False)
        .encode(color=colour)
    )
    return chart


def _touch(words: ChartWords) -> alt.Chart:
    # Points that cannot be seen but are wide enough for a finger.
    chart: alt.Chart = (
        alt.Chart(alt.NamedData("levels"))
        .mark_point(size=220, opacity=0, filled=True, aria=False)
        .encode(
            tooltip=[
                alt.Tooltip("clock:N", title=words.time),
                alt.Tooltip("node:N", title=words.node),
                alt.Tooltip("level:N", title=words.level),
                alt.Tooltip("measured:N", title=words.exposure),
            ]
        )
    )
    return chart


def _events(words: ChartWords, theme: Theme) -> alt.Chart:
    chart: alt.Chart = (
        alt.Chart(alt.NamedData("events"))
        .mark_point(shape="diamond", size=55, filled=True, opacity=1, color=theme.event, aria=False)
        .encode(
            tooltip=[
                alt.Tooltip("clock:N", title=words.time),
                alt.Tooltip("text:N", title=words.event),
            ]
        )
    )
    return chart


def _nothing(words: ChartWords, theme: Theme) -> alt.Chart:
    chart: alt.Chart = alt.Chart(alt.InlineData(values=[{}])).mark_text(
        text=words.nothing, color=theme.ink, fontSize=14, aria=False
    )
    return chart


def _dress(theme: Theme) -> dict[str, Any]:
    return {
        "font": "Liberation Sans, Arial, sans-serif",
        "view": {"stroke": None},
        "line": {"strokeWidth": 2},
        "axis": {
            "labelColor": theme.ink,
            "titleColor": theme.ink,
            "gridColor": theme.grid,
            "domainColor": theme.grid,
            "tickColor": theme.grid,
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
        },
        "axisY": {
            "tickCount": 6,
            "titleAngle": 0,
            "titleAlign": "left",
            "titleY": -8,
            "titleX": -24,
        },
        "legend": {
            "labelColor": theme.ink,
            "labelFontSize": 12,
            "labelLimit": 260,
            "symbolSize": 250,
        },
    }


def _rows(line: LevelLine, zone: tzinfo, words: ChartWords) -> list[dict[str, Any]]:
    periods = line.periods
    rows = []
    for start_s, end_s, level, measured_s, shown in zip(
        periods.start_s.tolist(),
        periods.end_s.tolist(),
        periods.laeq_db.tolist(),
        periods.measured_s.tolist(),
        measured(periods).tolist(),
        strict=True,
    ):
        rows.append(
            {
                "t": (start_s + end_s) / 2,
                "db": round(level, 1) if shown else None,
                "node": line.name,
                "clock": f"{_clock(start_s, zone, words)}–{_clock(end_s, zone, words)}",
                "level": f"{words.number(level)} dB(A)" if shown else None,
                "measured": words.measured(measured_s, end_s - start_s),
            }
        )
    return rows


def _event_row(event: EventPoint, zone: tzinfo, words: ChartWords) -> dict[str, Any]:
    return {
        "t": event.time_s,
        "db": round(event.lafmax_db, 1),
        "clock": _clock(event.time_s, zone, words),
        "text": event.text,
    }


def _clock(time_s: float, zone: tzinfo, words: ChartWords) -> str:
    return words.clock(datetime.fromtimestamp(time_s, zone))
