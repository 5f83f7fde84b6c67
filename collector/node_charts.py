"""How one node did over weeks, a small chart for each quantity; an hour that told nothing is a gap.

As in :mod:`collector.charts`, constructor arguments only: Altair's chained setters share state
between threads.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import altair as alt

from collector.charts import THEMES, Spec, Theme
from collector.pattern_charts import ENGLISH, PatternWords, finished

_HEIGHT = 96
_HOUR_S = 3600
_LABEL_PX = 75


@dataclass(frozen=True, slots=True)
class HourValue:
    """A value of the hour that begins at `time_s` (POSIX seconds)."""

    time_s: float
    value: float


@dataclass(frozen=True, slots=True)
class ValueAxis:
    """What the numbers are, and the one from which on they are too many."""

    unit: str
    limit: float | None = None


def hours_chart(
    values: Sequence[HourValue],
    start: datetime,
    end: datetime,
    *,
    day: Callable[[date], str],
    axis: ValueAxis,
    words: PatternWords = ENGLISH,
    theme: Theme = THEMES["light"],
    width: int = 520,
) -> Spec:
    """Return a line over [`start`, `end`), and a dashed one at the limit where there is one.

    Parameters
    ----------
    start, end : datetime
        In the time zone that days are of.
    day : callable
        Writes a date shortly.
    """
    first, last = start.timestamp(), end.timestamp()
    known = {round(one.time_s): one.value for one in values}
    begin = int(first // _HOUR_S * _HOUR_S)
    rows = [{"t": at, "v": known.get(at)} for at in range(begin, int(last), _HOUR_S)]
    x = alt.X(
        "t:Q",
        title=None,
        scale=alt.Scale(domain=[first, last], nice=False),
        axis=_days(start, end, day, width),
    )
    ticks = alt.Axis(tickCount=3, titleAngle=0, titleAlign="left", titleY=-8, titleX=-30)
    y = alt.Y("v:Q", title=axis.unit, scale=alt.Scale(zero=False), axis=ticks)
    # Round caps show a single hour between two gaps, which is a line without length.
    line = alt.Chart(alt.InlineData(values=rows)).mark_line(
        color=theme.lines[0], strokeWidth=1.5, strokeCap="round", aria=False,
        invalid="break-paths-show-domains",
    )  # fmt: skip
    layers = [line.encode(x=x, y=y)]
    if axis.limit is not None:
        ground = alt.Chart(alt.InlineData(values=[{"v": axis.limit}]))
        rule = ground.mark_rule(strokeDash=[4, 4], color=theme.event, aria=False)
        layers.append(rule.encode(y=y))
    return finished(alt.layer(*layers), words, theme, width, _HEIGHT)


def _days(start: datetime, end: datetime, day: Callable[[date], str], width: int) -> alt.Axis:
    count = (end - start).days
    every = max(1, -(-count * _LABEL_PX // width))
    labels: dict[str, str] = {}
    for number in range(1, count + 1, every):
        one = start.date() + timedelta(days=number)
        midnight = datetime(one.year, one.month, one.day, tzinfo=start.tzinfo)
        labels[f"{midnight.timestamp():.0f}"] = day(one)
    return alt.Axis(
        values=[float(at) for at in labels],
        labelExpr=f"{json.dumps(labels, ensure_ascii=False)}[datum.value]",
        labelFlush=True,
    )
