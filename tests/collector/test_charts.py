"""A chart of levels shows gaps as gaps and local hours as such, live and drawn."""

from __future__ import annotations

import re
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import altair as alt
import numpy as np
import pytest

from collector import vega
from collector.analysis.levels import PeriodLevels, period_levels
from collector.charts import (
    THEMES,
    ChartWords,
    EventPoint,
    LevelLine,
    Spec,
    hour_ticks,
    level_chart,
)

STOCKHOLM = ZoneInfo("Europe/Stockholm")
WORDS = ChartWords(
    level="Nivå",
    level_axis="dB(A)",
    nothing="ingen mätning",
    event="Händelse",
    node="Nod",
    time="Tid",
    exposure="Mättid",
    number=lambda value: f"{value:.1f}".replace(".", ","),
    clock=lambda time: f"{time:%H:%M}",
    day=lambda day: f"{day.day}/{day.month}",
    measured=lambda part, whole: f"{part:.0f} av {whole:.0f} s",
)
START = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)


def periods(levels: list[float | None], *, measured_s: float = 300.0) -> PeriodLevels:
    """Five minutes each, of which some seconds were measured."""
    edges = START.timestamp() + 300.0 * np.arange(len(levels) + 1)
    values = [float("nan") if level is None else level for level in levels]
    return period_levels(edges[:-1], measured_s, values, edges)


def chart(*lines: LevelLine, events: tuple[EventPoint, ...] = (), live: bool = True) -> Spec:
    return level_chart(
        lines,
        events,
        zone=STOCKHOLM,
        words=WORDS,
        theme=THEMES["light"],
        width="container" if live else 320,
    )


def test_a_period_without_measurement_is_a_gap_not_a_zero() -> None:
    spec = chart(LevelLine("ekskolan-1", periods([50.0, None, 54.26])))
    rows = spec["datasets"]["levels"]
    assert [row["db"] for row in rows] == [50.0, None, 54.3]
    assert [row["level"] for row in rows] == ["50,0 dB(A)", None, "54,3 dB(A)"]
    assert rows[1]["measured"] == "0 av 300 s"


def test_a_period_with_too_little_measurement_is_a_gap_too() -> None:
    barely = chart(LevelLine("a", periods([50.0], measured_s=60.0)))
    too_little = chart(LevelLine("a", periods([50.0], measured_s=59.0)))
    assert barely["datasets"]["levels"][0]["db"] == 50.0
    assert too_little["datasets"]["levels"][0]["db"] is None


def test_a_row_tells_its_local_time() -> None:
    spec = chart(LevelLine("a", periods([50.0, 51.0])))
    assert [row["clock"] for row in spec["datasets"]["levels"]] == ["15:00–15:05", "15:05–15:10"]


def test_events_stand_at_their_own_level_and_time() -> None:
    at = START.timestamp() + 90
    spec = chart(LevelLine("a", periods([50.0])), events=(EventPoint(at, 84.24, "moped"),))
    assert spec["datasets"]["events"] == [{"t": at, "db": 84.2, "clock": "15:01", "text": "moped"}]


def test_all_sites_share_a_scale_unless_something_lies_outside_it() -> None:
    def span(level: float) -> list[float]:
        spec = chart(LevelLine("a", periods([level])))
        scale: list[float] = spec["layer"][0]["encoding"]["y"]["scale"]["domain"]
        return scale

    assert span(50.0) == span(70.0) == [30.0, 100.0]
    assert span(104.0) == [30.0, 110.0]
    assert span(18.0) == [10.0, 100.0]


def test_nothing_measured_is_said_in_the_chart() -> None:
    silent = vega.svg(chart(LevelLine("a", periods([None, None])), live=False))
    assert "ingen mätning" in silent
    assert "ingen mätning" not in vega.svg(chart(LevelLine("a", periods([50.0])), live=False))


def test_a_chart_needs_a_line() -> None:
    with pytest.raises(ValueError, match="at least one line"):
        chart()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_can_be_drawn_and_loads_nothing(theme: str) -> None:
    spec = level_chart(
        [LevelLine("norr", periods([50.0, None, 52.0])), LevelLine("söder", periods([40.0] * 3))],
        [EventPoint(START.timestamp(), 80.0, "bil")],
        zone=STOCKHOLM,
        words=WORDS,
        theme=THEMES["light" if theme == "light" else "dark"],
        width=320,
    )
    svg = vega.svg(spec)
    assert "söder" in svg
    assert not re.search(r"(?:href|src|url)\s*[=(]", svg.replace('xmlns:xlink="', ""))


def test_the_line_is_broken_at_the_gap() -> None:
    svg = vega.svg(chart(LevelLine("a", periods([50.0, 51.0, None, 52.0, 53.0])), live=False))
    lines = re.findall(r'<path [^>]*d="(M[^"]+)"[^>]*stroke="#005a9c"', svg)
    lines += re.findall(r'<path [^>]*stroke="#005a9c"[^>]*d="(M[^"]+)"', svg)
    assert sum(line.count("M") for line in lines) == 2


def test_the_drawing_is_made_for_the_vega_lite_that_altair_writes() -> None:
    assert f"v{vega.VEGA_LITE}." in alt.SCHEMA_VERSION


# --- hours on the axis


def labels(start: datetime, hours: float) -> list[str]:
    end = start + timedelta(hours=hours)
    return [label for _, label in hour_ticks(start.timestamp(), end.timestamp(), STOCKHOLM, WORDS)]


def test_hours_are_local_and_midnight_is_a_date() -> None:
    start = datetime(2026, 11, 22, 20, 30, tzinfo=UTC)
    assert labels(start, 4) == ["22:00", "23:00", "23/11", "01:00"]


def test_long_charts_have_fewer_labels() -> None:
    assert labels(START, 24) == ["16:00", "20:00", "23/11", "04:00", "08:00", "12:00"]


def test_the_hour_that_autumn_repeats_is_shown_twice() -> None:
    start = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
    assert labels(start, 3) == ["02:00", "02:00", "03:00", "04:00"]


def test_the_hour_that_spring_leaves_out_is_not_shown() -> None:
    start = datetime(2026, 3, 29, 0, 0, tzinfo=UTC)
    assert labels(start, 2) == ["01:00", "03:00", "04:00"]


def test_charts_made_at_once_do_not_mix() -> None:
    def names_of(name: str) -> tuple[list[str], set[str]]:
        spec = chart(LevelLine(name, periods([50.0, 51.0])))
        scale = spec["layer"][0]["encoding"]["color"]["scale"]
        return scale["domain"], {row["node"] for row in spec["datasets"]["levels"]}

    nodes = [f"node-{number}" for number in range(80)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(names_of, nodes))
    finally:
        sys.setswitchinterval(before)
    assert made == [([name], {name}) for name in nodes]
