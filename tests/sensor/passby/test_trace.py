"""Beginnings, ends and partings on small traces."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.passby.trace import extent, parting, peak_of, steps_in

NAN = math.nan
TRACES = st.lists(st.one_of(st.floats(30, 100), st.just(NAN)), min_size=1, max_size=60)


def test_steps_are_125_ms_and_never_none() -> None:
    assert [steps_in(s) for s in (0.0, 0.125, 1.0, 25.0)] == [1, 1, 8, 200]


def test_the_peak_is_the_first_highest_and_gaps_are_passed_over() -> None:
    assert peak_of([NAN, 60, 80, NAN, 80]) == 2
    assert peak_of([NAN, NAN]) == 0


def test_the_extent_ends_where_the_level_stays_below_the_edge() -> None:
    levels = [50, 50, 66, 70, 80, 70, 64, 50, 50, 66]
    assert extent(levels, 4, 65, hold=3) == (2, 5)


def test_a_dip_shorter_than_the_hold_is_bridged() -> None:
    levels = [50, 70, 55, 55, 80, 55, 55, 55, 70]
    assert extent(levels, 4, 65, hold=3) == (1, 4)
    assert extent(levels, 4, 65, hold=4) == (1, 8)


@pytest.mark.parametrize(
    ("depth_db", "steps", "parts"),
    [(6, 8, True), (6, 7, False), (4, 20, False), (20, 3, False), (20, 12, True)],
)
def test_a_parting_needs_depth_and_length(depth_db: float, steps: int, parts: bool) -> None:
    levels = [70.0, 80.0, *[80.0 - depth_db] * steps]
    found = parting(levels, 1, 80.0, split_db=5, split_steps=8)
    assert (found is not None) is parts


def test_a_parting_is_at_the_lowest_point() -> None:
    levels = [80.0, 74, 72, 70, 69, 70, 71, 72, 73, 74]
    assert parting(levels, 0, 79.5, split_db=5, split_steps=8) == 4


@settings(deadline=None, max_examples=150)
@given(TRACES, st.floats(30, 100), st.integers(1, 10))
def test_an_extent_holds_the_peak_and_ends_on_levels_above_the_edge(
    levels: list[float], edge_db: float, hold: int
) -> None:
    peak = peak_of(levels)
    first, last = extent(levels, peak, edge_db, hold)
    assert 0 <= first <= peak <= last < len(levels)
    for border in {first, last} - {peak}:
        assert levels[border] >= edge_db
    outside = [*levels[last + 1 : last + 1 + hold], *levels[max(0, first - hold) : first]]
    assert not any(level >= edge_db for level in outside)
