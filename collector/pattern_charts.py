"""Charts of patterns, one definition each: rates, episodes, the plan, effects, and speeds.

As in :mod:`collector.charts`, constructor arguments only: Altair's chained setters share state
between threads. What is written on them is given as :class:`PatternWords`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from math import isnan
from typing import Any, Final

import altair as alt
import numpy as np

from collector.analysis.episodes import Episode
from collector.analysis.hours import time_of
from collector.analysis.patrol import Plan
from collector.analysis.rates import Rates, week_profile
from collector.analysis.ratio import Ratio
from collector.analysis.school_calendar import DayType
from collector.analysis.speed import SpeedTable, speed_figures
from collector.charts import THEMES, Spec, Theme

WIDTH_PX: Final = 640
_BIN_KMH: Final = 2.5
_MOST_DAYS: Final = 12
_ROWS: Final = 12
_RATIOS: Final = [2.0**power for power in range(-6, 7)]
_NUMBERS: Final = {"thousands": "\N{NO-BREAK SPACE}", "grouping": [3], "currency": ["", ""]}


@dataclass(frozen=True, slots=True)
class PatternWords:
    """The reader's language."""

    day_format: str = "%-d/%-m"
    weekdays: tuple[str, ...] = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    hour: str = "Hour of the day"
    rate: str = "An hour"
    passes: str = "Passes"
    expected: str = "Expected episodes, with 95 % interval"
    chosen: str = "chosen"
    not_chosen: str = "not chosen"
    ratio: str = "Rate after / before, with 95 % interval"
    speed: str = "Speed, km/h"
    count: str = "Passes"
    limit: str = "limit"
    decimal_sign: str = "."


ENGLISH: Final = PatternWords()


def rate_chart(
    rates: Rates,
    days: DayType | None = None,
    *,
    site: int = 0,
    words: PatternWords = ENGLISH,
    theme: Theme = THEMES["light"],
    width: int = WIDTH_PX,
) -> Spec:
    """Rates of one site by weekday and hour; cells that were never measured are left empty.

    Parameters
    ----------
    days : DayType, optional
        Of which days; by default of all, each cell as its measured hours are made up.
    """
    profile = week_profile(rates, None if days is None else [days])
    rows = [
        {"day": words.weekdays[hour // 24], "hour": hour % 24, "rate": rate}
        for hour, rate in enumerate(profile.rate[site].tolist())
        if not isnan(rate)
    ]
    chart = alt.Chart(alt.InlineData(values=rows)).mark_rect(aria=False)
    chart = chart.encode(
        x=alt.X(
            "hour:O",
            title=words.hour,
            scale=alt.Scale(domain=list(range(24))),
            axis=alt.Axis(labelAngle=0, labelOverlap="parity", labelSeparation=2),
        ),
        y=alt.Y("day:O", title=None, scale=alt.Scale(domain=list(words.weekdays))),
        color=alt.Color("rate:Q", title=words.rate, scale=_shades(theme)),
    )
    return finished(chart, words, theme, width, height=180)


def episode_chart(
    episodes: Sequence[Episode],
    start: datetime,
    end: datetime,
    *,
    zone: tzinfo,
    words: PatternWords = ENGLISH,
    theme: Theme = THEMES["light"],
    width: int = WIDTH_PX,
) -> Spec:
    """Episodes from `start` to `end` by local day and time; the more passes, the larger."""
    rows = []
    for one in episodes:
        local = one.start.astimezone(zone)
        rows.append(
            {
                "day": f"{local:%Y-%m-%d}T00:00:00",
                "hour": local.hour + local.minute / 60,
                "passes": one.passes,
            }
        )
    first, last = (at.astimezone(zone).date() for at in (start, end))
    step = max(1, -(-(last - first).days // _MOST_DAYS))
    x = alt.X(
        "day:T",
        title=None,
        scale=alt.Scale(domain=[_day(first), _day(last)], nice=False),
        axis=alt.Axis(format=words.day_format, tickCount={"interval": "day", "step": step}),
    )
    chart = alt.Chart(alt.InlineData(values=rows)).mark_point(
        filled=True, opacity=0.7, color=theme.event, aria=False
    )
    chart = chart.encode(
        x=x,
        y=alt.Y("hour:Q", title=words.hour, scale=alt.Scale(domain=[0, 24]), axis=_hours()),
        size=alt.Size("passes:Q", title=words.passes),
    )
    return finished(chart, words, theme, width, height=260)


def plan_chart(
    plan: Plan,
    sites: Mapping[str, tuple[str, tzinfo]],
    *,
    words: PatternWords = ENGLISH,
    theme: Theme = THEMES["light"],
    width: int = WIDTH_PX,
) -> Spec:
    """Expected episodes of each window with their intervals, those that were not chosen too.

    Parameters
    ----------
    sites : mapping
        Name and time zone by id.
    """
    rows = []
    both = ((words.chosen, plan.windows), (words.not_chosen, plan.missed))
    for state, windows in both:
        for one in windows:
            name, zone = sites[one.site]
            start = time_of(one.start_hour).astimezone(zone)
            end = time_of(one.start_hour + one.hours).astimezone(zone)
            when = f"{words.weekdays[start.weekday()]} {start:%H:%M}–{end:%H:%M}"
            rows.append(
                {
                    "window": f"{when} {name}",
                    "expected": one.expected,
                    "low": one.low,
                    "high": one.high,
                    "state": state,
                }
            )
    y = alt.Y("window:N", title=None, sort=None, axis=alt.Axis(labelLimit=300))
    colour = alt.Color(
        "state:N",
        title=None,
        scale=alt.Scale(domain=[words.chosen, words.not_chosen], range=list(theme.lines[:2])),
        legend=alt.Legend(orient="top"),
    )
    base = alt.Chart(alt.InlineData(values=rows))
    span = base.mark_rule(strokeWidth=2, aria=False).encode(
        x=alt.X("low:Q", title=words.expected), x2=alt.X2("high:Q"), y=y, color=colour
    )
    point = base.mark_point(filled=True, size=80, opacity=1, aria=False).encode(
        x=alt.X("expected:Q", title=words.expected), y=y, color=colour
    )
    return finished(alt.layer(span, point), words, theme, width, height=24 * max(len(rows), 1))


def effect_chart(
    ratios: Mapping[str, Ratio],
    *,
    words: PatternWords = ENGLISH,
    theme: Theme = THEMES["light"],
    width: int = WIDTH_PX,
) -> Spec:
    """Rate ratios after/before by name, with intervals, beside 1 for no change."""
    rows = [
        {"name": name, "ratio": one.ratio, "low": one.low, "high": one.high}
        for name, one in ratios.items()
    ]
    y = alt.Y("name:N", title=None, sort=None, axis=alt.Axis(labelLimit=300))
    scale = alt.Scale(type="log", base=2)
    base = alt.Chart(alt.InlineData(values=rows))
    axis = alt.Axis(values=_RATIOS, format="~g")
    span = base.mark_rule(strokeWidth=2, color=theme.lines[0], aria=False).encode(
        x=alt.X("low:Q", title=words.ratio, scale=scale, axis=axis), x2=alt.X2("high:Q"), y=y
    )
    point = base.mark_point(
        filled=True, size=80, opacity=1, color=theme.lines[0], aria=False
    ).encode(x=alt.X("ratio:Q", title=words.ratio, scale=scale), y=y)
    same = alt.Chart(alt.InlineData(values=[{"one": 1}])).mark_rule(
        strokeDash=[4, 4], color=theme.ink, aria=False
    )
    same = same.encode(x=alt.X("one:Q", title=words.ratio, scale=scale))
    return finished(alt.layer(same, span, point), words, theme, width, height=32 * len(rows))


def speed_chart(
    table: SpeedTable,
    *,
    words: PatternWords = ENGLISH,
    theme: Theme = THEMES["light"],
    width: int = WIDTH_PX,
) -> Spec:
    """How many passes had which speed, with V50, V85 and the limits that held."""
    speeds = table.speed_kmh[~np.isnan(table.speed_kmh)]
    highest = float(np.ceil(speeds.max() / 10) * 10) if len(speeds) else 60.0
    edges = np.arange(0.0, highest + _BIN_KMH, _BIN_KMH)
    counts, _ = np.histogram(speeds, edges)
    bars = [
        {"low": low, "high": low + _BIN_KMH, "count": count}
        for low, count in zip(edges[:-1].tolist(), counts.tolist(), strict=True)
    ]
    scale = alt.Scale(domain=[0.0, highest], nice=False)
    x = alt.X("low:Q", title=words.speed, bin="binned", scale=scale)
    histogram = alt.Chart(alt.InlineData(values=bars)).mark_bar(color=theme.lines[0], aria=False)
    # Room above the bars for the names.
    most = alt.Scale(domain=[0.0, 1.5 * max(1, *counts.tolist())], nice=False)
    count = alt.Y("count:Q", title=words.count, scale=most)
    histogram = histogram.encode(x=x, x2=alt.X2("high:Q"), y=count)
    rows = alt.Scale(domain=[-_ROWS, 0.5], nice=False)
    base = alt.Chart(alt.InlineData(values=_speed_marks(table, words)))
    at = alt.X("at:Q", title=words.speed)
    kind = alt.Color(
        "limit:N",
        scale=alt.Scale(domain=[False, True], range=[theme.ink, theme.event]),
        legend=None,
    )
    lines = base.mark_rule(strokeWidth=2, aria=False).encode(x=at, color=kind)
    names = base.mark_text(align="left", dx=4, fontSize=12, aria=False).encode(
        x=at, y=alt.Y("row:Q", title=None, axis=None, scale=rows), text="name:N", color=kind
    )
    shown = alt.layer(histogram, alt.layer(lines, names)).resolve_scale(y="independent")
    return finished(shown, words, theme, width, height=220)


def _speed_marks(table: SpeedTable, words: PatternWords) -> list[dict[str, Any]]:
    figures = speed_figures(table)
    limits = np.unique(table.limit_kmh[~np.isnan(table.limit_kmh)]).tolist()
    marks = [(f"{words.limit} {limit:g}", limit, True) for limit in limits]
    marks += [("V50", figures.v50_kmh.value, False), ("V85", figures.v85_kmh.value, False)]
    # Their names stand one below the other, since the lines may be near to each other.
    return [
        {"name": name, "at": at, "limit": limit, "row": -row}
        for row, (name, at, limit) in enumerate(marks)
        if not isnan(at)
    ]


def _shades(theme: Theme) -> alt.Scale:
    # The more there is, the further from the paper.
    return alt.Scale(scheme="blues", domainMin=0, reverse=theme.is_dark)


def _day(day: date) -> alt.DateTime:
    return alt.DateTime(year=day.year, month=day.month, date=day.day)


def _hours() -> alt.Axis:
    return alt.Axis(values=list(range(0, 25, 3)))


def finished(chart: Any, words: PatternWords, theme: Theme, width: int, height: int) -> Spec:
    """A chart of that size in the theme's colours, its numbers written as the reader does."""
    made = chart.properties(width=width, height=height, background=theme.paper, padding=8)
    axis = {
        "labelColor": theme.ink,
        "titleColor": theme.ink,
        "gridColor": theme.grid,
        "domainColor": theme.grid,
        "tickColor": theme.grid,
    }
    legend = {"labelColor": theme.ink, "titleColor": theme.ink, "titleFontWeight": "normal"}
    spec: Spec = made.configure(
        font="Liberation Sans, Arial, sans-serif",
        view={"stroke": None},
        axis={**axis, "titleFontWeight": "normal", "titleFontSize": 12, "labelFontSize": 12},
        legend=legend,
        locale={"number": {**_NUMBERS, "decimal": words.decimal_sign}},
    ).to_dict()
    return spec
