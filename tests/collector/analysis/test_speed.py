"""V85 and shares with their intervals; what was not measured is not slow."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.analysis.speed import (
    SpeedTable,
    by_hour,
    by_source,
    quantile,
    share,
    speed_figures,
)

MISSING = float("nan")


def table(
    speeds: list[float],
    half_kmh: float = 2.0,
    limit: float = 40.0,
    hours: list[int] | None = None,
    sources: list[str] | None = None,
) -> SpeedTable:
    """Passes with these speeds; NaN: refused."""
    values = np.array(speeds, dtype=np.float64)
    return SpeedTable(
        hour_of_day=np.array(hours or [15] * len(speeds), dtype=np.int64),
        source=tuple(sources or ["car"] * len(speeds)),
        speed_kmh=values,
        low_kmh=values - half_kmh,
        high_kmh=values + half_kmh,
        limit_kmh=np.full(len(speeds), limit),
        refused=tuple("too_quiet" if math.isnan(speed) else None for speed in speeds),
    )


def test_v50_and_v85() -> None:
    figures = speed_figures(table([float(v) for v in range(1, 101)]))
    assert figures.v50_kmh.value == pytest.approx(50.5)
    assert figures.v85_kmh.value == pytest.approx(85.15)
    assert figures.v85_kmh.low < 80
    assert figures.v85_kmh.high > 90
    assert figures.uncertainty_kmh == pytest.approx(2.0)


def test_too_fast_is_beyond_margin_and_uncertainty() -> None:
    # Limit 40, 3 km/h are deducted, 2 km/h are its uncertainty: more than 45 counts.
    figures = speed_figures(table([41.0, 44.0, 45.0, 45.1, 60.0]))
    assert (figures.over_limit.count, figures.over_limit.of) == (2, 5)
    assert figures.over_30.count == 5
    assert speed_figures(table([34.9, 35.1])).over_30.count == 1


def test_refused_speeds_stand_apart() -> None:
    figures = speed_figures(table([MISSING, 50.0, MISSING]))
    assert (figures.passes, figures.measured, figures.refused) == (3, 1, {"too_quiet": 2})
    assert figures.over_30.of == 1


def test_without_a_limit_nobody_is_over_it() -> None:
    figures = speed_figures(table([90.0], limit=MISSING))
    assert (figures.over_limit.of, figures.over_30.count) == (0, 1)
    assert math.isnan(figures.over_limit.share)


def test_nothing_measured_gives_nothing() -> None:
    figures = speed_figures(table([]))
    assert math.isnan(figures.v85_kmh.value)
    assert math.isnan(figures.uncertainty_kmh)


def test_by_hour_and_by_source() -> None:
    given_ = table([30.0, 40.0, 50.0], hours=[7, 15, 15], sources=["car", "car", "moped"])
    assert {hour: one.passes for hour, one in by_hour(given_).items()} == {7: 1, 15: 2}
    assert {kind: one.passes for kind, one in by_source(given_).items()} == {"car": 2, "moped": 1}


def test_few_values_bound_nothing() -> None:
    one = quantile([40.0, 50.0], 0.85)
    assert math.isnan(one.high)


@pytest.mark.parametrize("part", [0.5, 0.85])
def test_intervals_hold_the_truth_in_95_of_100_cases(part: float) -> None:
    rng = np.random.default_rng(1)
    truth = float(np.quantile(rng.normal(40, 8, 1_000_000), part))
    found = [quantile(rng.normal(40, 8, 60), part) for _ in range(400)]
    held = sum(one.low <= truth <= one.high for one in found) / 400
    assert 0.92 <= held <= 0.99


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 200), st.integers(1, 200))
def test_a_share_lies_in_its_interval(count: int, of: int) -> None:
    one = share(min(count, of), of)
    assert 0 <= one.low <= one.share <= one.high <= 1
