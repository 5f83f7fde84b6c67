"""Charts of one event, one definition each: its trace over time, and its spectrum.

As in :mod:`collector.charts`, constructor arguments only: Altair's chained setters share state
between threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import altair as alt

from collector.charts import THEMES, Spec, Theme
from collector.pattern_charts import ENGLISH, PatternWords, finished

_HEIGHT: Final = 180
_ROOM_DB: Final = 5.0


@dataclass(frozen=True, slots=True)
class EventWords:
    """The reader's language."""

    seconds: str = "Seconds from the start"
    level: str = "dB(A)"
    band_level: str = "dB"
    background: str = "background"
    band: str = "Third octave, Hz"
    numbers: PatternWords = ENGLISH


ENGLISH_EVENT: Final = EventWords()


def trace_chart(
    trace_db: Sequence[float | None],
    background_db: float | None,
    *,
    words: EventWords = ENGLISH_EVENT,
    theme: Theme = THEMES["light"],
    width: int = 520,
) -> Spec:
    """The highest level of each second, beside the background; a second without one is a gap."""
    rows = [{"s": second, "db": level} for second, level in enumerate(trace_db)]
    known = [level for level in (*trace_db, background_db) if level is not None]
    scale = alt.Scale(domain=_span(known), nice=False)
    x = alt.X("s:Q", title=words.seconds, axis=alt.Axis(tickMinStep=1))
    y = alt.Y("db:Q", title=words.level, scale=scale)
    line = alt.Chart(alt.InlineData(values=rows)).mark_line(
        point=True, color=theme.lines[0], invalid="break-paths-show-domains", aria=False
    )
    layers = [line.encode(x=x, y=y)]
    if background_db is not None:
        ground = alt.Chart(alt.InlineData(values=[{"db": background_db, "name": words.background}]))
        layers.append(ground.mark_rule(strokeDash=[4, 4], color=theme.ink, aria=False).encode(y=y))
        layers.append(
            ground.mark_text(
                align="left", baseline="bottom", x=4, dy=-3, color=theme.ink, fontSize=12,
                aria=False,
            ).encode(y=y, text="name:N")
        )  # fmt: skip
    return finished(alt.layer(*layers), words.numbers, theme, width, height=_HEIGHT)


def spectrum_chart(
    bands_db: Mapping[str, float | None],
    *,
    words: EventWords = ENGLISH_EVENT,
    theme: Theme = THEMES["light"],
    width: int = 520,
) -> Spec:
    """The level of each third octave, lowest first; one without a level has no bar."""
    names = sorted(bands_db, key=float)
    known = [level for level in bands_db.values() if level is not None]
    low, high = _span(known)
    rows: list[dict[str, Any]] = [
        {"band": name, "low": low, "db": level}
        for name in names
        if (level := bands_db[name]) is not None
    ]
    band = alt.X(
        "band:O",
        title=words.band,
        scale=alt.Scale(domain=names),
        axis=alt.Axis(labelAngle=-90, labelOverlap=True),
    )
    height = alt.Y("db:Q", title=words.band_level, scale=alt.Scale(domain=[low, high], nice=False))
    bars = alt.Chart(alt.InlineData(values=rows)).mark_bar(color=theme.lines[0], aria=False)
    bars = bars.encode(x=band, y=height, y2=alt.Y2("low:Q"))
    return finished(bars, words.numbers, theme, width, height=_HEIGHT)


def _span(known: Sequence[float]) -> list[float]:
    if not known:
        return [30.0, 100.0]
    return [min(known) - _ROOM_DB, max(known) + _ROOM_DB]
