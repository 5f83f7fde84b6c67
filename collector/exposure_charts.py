"""Charts that show what was measured beside what was found: coverage, and rates by hour or day.

As in :mod:`collector.charts`, constructor arguments only: Altair's chained setters share state
between threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from collector.charts import THEMES, Spec, Theme

_WIDTH = 640
_LABEL_WIDTH = 40


@dataclass(frozen=True, slots=True)
class CoverageWords:
    """What each state is called, and the axis."""

    measured: str = "measured"
    partly: str = "partly measured"
    left_out: str = "left out"
    none: str = "no measurement"
    hour: str = "Time of day"


@dataclass(frozen=True, slots=True)
class HourCoverage:
    """One hour: the local day it belongs to, its hour of the day, and seconds of it."""

    day: str
    hour: int
    asked_s: float
    measured_s: float
    excluded_s: float


def coverage_chart(
    hours: Sequence[HourCoverage],
    *,
    words: CoverageWords | None = None,
    theme: Theme = THEMES["light"],
    height: int = 170,
) -> Spec:
    """Return every hour as a square: days from left to right, hours of the day from top down."""
    names = words or CoverageWords()
    states = (names.measured, names.partly, names.left_out, names.none)
    colours = (theme.lines[0], "#9cc3e6", theme.lines[1], "#eceff1")
    days = list(dict.fromkeys(one.day for one in hours))
    rows = [{"day": one.day, "hour": one.hour, "state": _state(one, names)} for one in hours]
    step = max(1, -(-len(days) * _LABEL_WIDTH // _WIDTH))
    chart = alt.Chart(alt.InlineData(values=rows)).mark_rect(
        stroke="white", strokeWidth=0.6, aria=False
    )
    chart = chart.encode(
        x=alt.X(
            "day:O",
            title=None,
            scale=alt.Scale(domain=days),
            axis=alt.Axis(values=days[::step], labelAngle=0, labelFlush=False),
        ),
        y=alt.Y(
            "hour:O",
            title=names.hour,
            scale=alt.Scale(domain=list(range(24))),
            axis=alt.Axis(values=list(range(0, 24, 6))),
        ),
        color=alt.Color(
            "state:N",
            title=None,
            scale=alt.Scale(domain=list(states), range=list(colours)),
            legend=alt.Legend(orient="top"),
        ),
    )
    return _finished(chart, theme, height)


def _state(one: HourCoverage, words: CoverageWords) -> str:
    if one.measured_s >= 0.95 * one.asked_s:
        return words.measured
    if one.excluded_s > one.measured_s:
        return words.left_out
    return words.partly if one.measured_s > 0 else words.none


def frequency_chart(
    names: Sequence[str],
    per_hour: Sequence[float | None],
    *,
    title: str,
    axis: str,
    theme: Theme = THEMES["light"],
    width: int = _WIDTH,
    height: int = 120,
) -> Spec:
    """Return bars of how often something happened a measured hour; None leaves a gap.

    Parameters
    ----------
    names : sequence of str
        Of each bar, in order.
    title, axis : str
        What the bars stand for, and their unit.
    """
    rows: list[dict[str, Any]] = [
        {"name": name, "rate": rate} for name, rate in zip(names, per_hour, strict=True)
    ]
    # So that labels do not run into each other.
    step = max(1, -(-len(names) * _LABEL_WIDTH // width))
    chart = alt.Chart(alt.InlineData(values=rows)).mark_bar(color=theme.lines[0], aria=False)
    chart = chart.encode(
        x=alt.X(
            "name:O",
            title=title or None,
            scale=alt.Scale(domain=list(names)),
            axis=alt.Axis(values=list(names)[::step], labelAngle=0),
        ),
        y=alt.Y("rate:Q", title=axis, axis=alt.Axis(tickCount=4)),
    )
    return _finished(chart, theme, height, width)


def _finished(chart: alt.Chart, theme: Theme, height: int, width: int = _WIDTH) -> Spec:
    made = chart.properties(width=width, height=height, background="white", padding=4)
    axis = {
        "labelColor": theme.ink,
        "titleColor": theme.ink,
        "gridColor": theme.grid,
        "titleFontWeight": "normal",
        "titleFontSize": 12,
        "labelFontSize": 12,
    }
    spec: Spec = made.configure(
        font="Liberation Sans, Arial, sans-serif",
        view={"stroke": None},
        axis=axis,
        legend={"labelColor": theme.ink, "titleColor": theme.ink, "labelFontSize": 12},
    ).to_dict()
    return spec
