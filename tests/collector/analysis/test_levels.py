"""Energy means: decibels are averaged as energies, and missing time is never quiet time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.analysis.levels import (
    _measured_pieces,
    _pieces,
    energy,
    energy_mean_db,
    level_db,
    period_levels,
)

MISSING = float("nan")
levels = st.one_of(st.just(MISSING), st.floats(20, 120))


def test_the_mean_of_50_and_80_db_is_77_db() -> None:
    assert energy_mean_db([50.0, 80.0]) == pytest.approx(76.994, abs=0.001)


def test_a_mean_is_weighted_by_duration() -> None:
    assert energy_mean_db([60.0, 70.0], [90.0, 10.0]) == pytest.approx(
        10 * math.log10((90 * 1e6 + 10 * 1e7) / 100)
    )


def test_missing_values_are_left_out_not_counted_as_zero() -> None:
    assert energy_mean_db([65.0, MISSING, 65.0]) == pytest.approx(65.0)


@pytest.mark.parametrize("nothing", [[], [MISSING], [MISSING, MISSING]])
def test_nothing_measured_gives_no_level(nothing: list[float]) -> None:
    assert math.isnan(energy_mean_db(nothing))


def test_energy_and_level_are_inverse() -> None:
    values = np.array([-10.0, 0.0, 55.5, 130.0])
    np.testing.assert_allclose(level_db(energy(values)), values)


def test_zero_energy_is_no_level() -> None:
    assert np.isnan(level_db([0.0, -1.0, MISSING])).all()


def test_an_interval_over_an_edge_counts_in_both_periods() -> None:
    periods = period_levels([30.0], 60.0, [70.0], [0.0, 60.0, 120.0])
    np.testing.assert_allclose(periods.measured_s, [30.0, 30.0])
    np.testing.assert_allclose(periods.laeq_db, [70.0, 70.0])
    np.testing.assert_allclose(periods.coverage, [0.5, 0.5])


def test_a_period_without_measurement_has_no_level_and_no_coverage() -> None:
    periods = period_levels([0.0, 60.0], 60.0, [70.0, MISSING], [0.0, 60.0, 120.0, 180.0])
    assert periods.laeq_db[0] == pytest.approx(70.0)
    assert np.isnan(periods.laeq_db[1:]).all()
    np.testing.assert_allclose(periods.measured_s, [60.0, 0.0, 0.0])


def test_an_interval_longer_than_a_period_fills_every_period_in_it() -> None:
    periods = period_levels([0.0], 3600.0, [55.0], np.arange(0.0, 3601.0, 300.0))
    np.testing.assert_allclose(periods.laeq_db, 55.0)
    np.testing.assert_allclose(periods.measured_s, 300.0)


def test_a_loud_period_does_not_blur_the_quiet_one_after_it() -> None:
    periods = period_levels([0.0, 60.0], 60.0, [140.0, 20.0], [0.0, 60.0, 120.0])
    assert periods.laeq_db[1] == pytest.approx(20.0, abs=1e-6)


def test_overlapping_intervals_are_not_counted_twice() -> None:
    periods = period_levels([0.0, 30.0], 60.0, [60.0, 80.0], [0.0, 90.0])
    assert periods.measured_s[0] == pytest.approx(90.0)
    assert periods.laeq_db[0] == pytest.approx(energy_mean_db([60.0, 80.0], [30.0, 60.0]))


def test_without_intervals_nothing_was_measured() -> None:
    periods = period_levels([], 60.0, [], [0.0, 60.0])
    assert periods.measured_s[0] == 0
    assert np.isnan(periods.laeq_db[0])


@pytest.mark.parametrize("edges", [[], [0.0], [0.0, 0.0], [60.0, 0.0]])
def test_limits_that_do_not_rise_are_refused(edges: list[float]) -> None:
    with pytest.raises(ValueError, match="rise"):
        period_levels([0.0], 60.0, [70.0], edges)


@settings(deadline=None, max_examples=60)
@given(st.lists(levels, min_size=1, max_size=40), st.floats(0, 59), st.integers(1, 12))
def test_periods_share_the_energy_and_the_time_of_the_whole(
    values: list[float], offset_s: float, periods: int
) -> None:
    start_s = offset_s + 60.0 * np.arange(len(values))
    edges = np.linspace(0.0, start_s[-1] + 60.0, periods + 1)
    shared = period_levels(start_s, 60.0, values, edges)
    measured_s = 60.0 * sum(not math.isnan(value) for value in values)
    assert shared.measured_s.sum() == pytest.approx(measured_s)
    if measured_s:
        whole = energy_mean_db(values)
        assert energy_mean_db(shared.laeq_db, shared.measured_s) == pytest.approx(whole)


@settings(deadline=None, max_examples=40)
@given(st.lists(levels, min_size=2, max_size=30), st.integers(0, 1000))
def test_the_order_of_intervals_does_not_matter(values: list[float], seed: int) -> None:
    start_s = 60.0 * np.arange(len(values))
    order = np.random.default_rng(seed).permutation(len(values))
    edges = np.arange(0.0, 60.0 * len(values) + 1, 120.0)
    one = period_levels(start_s, 60.0, values, edges)
    other = period_levels(start_s[order], 60.0, np.array(values)[order], edges)
    np.testing.assert_allclose(one.laeq_db, other.laeq_db)


@given(
    st.lists(st.tuples(st.floats(0, 3), st.floats(0.5, 70), levels), min_size=1, max_size=40),
    st.lists(st.floats(-50, 900), min_size=2, max_size=12, unique=True),
)
def test_intervals_that_follow_each_other_count_as_any_others(
    given_rows: list[tuple[float, float, float]], limits: list[float]
) -> None:
    edges = np.round(np.sort(limits), 3)
    edges = np.unique(edges)
    if edges.size < 2:
        return
    starts, lengths, values, at = [], [], [], 0.0
    for gap, length, level in given_rows:
        starts.append(round(at + gap, 3))
        lengths.append(round(length, 3))
        values.append(level)
        at = starts[-1] + lengths[-1]
    begin, known = np.array(starts), np.array(values)
    end = begin + np.array(lengths)
    both = [pieces(begin, end, known, edges) for pieces in (_measured_pieces, _pieces)]
    seconds = [np.histogram(where, edges, weights=s)[0] for where, s, _ in both]
    np.testing.assert_allclose(seconds[0], seconds[1], atol=1e-4)
    sums = [np.histogram(where, edges, weights=energy(db) * s)[0] for where, s, db in both]
    np.testing.assert_allclose(sums[0], sums[1], rtol=1e-4, atol=1e-5 * np.max(sums[1]))
