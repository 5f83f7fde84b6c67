"""Exceeded levels of a longer period, from those of its parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.analysis.percentiles import exceeded_levels_db, period_exceeded_levels_db

MISSING = float("nan")


def test_one_batch_gives_back_its_own_values() -> None:
    np.testing.assert_allclose(exceeded_levels_db([[62.0, 51.5, 44.0]], [60]), [62, 51.5, 44])


def test_equal_batches_give_what_each_of_them_gives() -> None:
    found = exceeded_levels_db([[62.0, 51.5, 44.0]] * 60, [60] * 60)
    np.testing.assert_allclose(found, [62, 51.5, 44], atol=1e-6)


def test_a_steady_level_is_exceeded_always() -> None:
    np.testing.assert_allclose(exceeded_levels_db([[50.0, 50.0, 50.0]], [60]), 50.0, atol=0.02)


def test_batches_weigh_by_what_was_measured() -> None:
    quiet, loud = [41.0, 40.0, 39.0], [71.0, 70.0, 69.0]
    laf10, laf50, laf90 = exceeded_levels_db([quiet, loud], [3000, 600])
    assert laf50 < 42
    assert laf10 > 68
    assert laf90 < 40


def test_nothing_measured_gives_nothing() -> None:
    assert np.isnan(exceeded_levels_db(np.zeros((0, 3)), [])).all()
    assert np.isnan(exceeded_levels_db([[MISSING] * 3], [60])).all()
    assert np.isnan(exceeded_levels_db([[60.0, 50.0, 40.0]], [0])).all()


def test_periods_take_the_batches_that_begin_in_them() -> None:
    batches = [[60.0, 50.0, 40.0], [70.0, 60.0, 50.0], [80.0, 70.0, 60.0]]
    found = period_exceeded_levels_db([120, 0, 500], batches, [60] * 3, [0, 60, 120, 180])
    np.testing.assert_allclose(found[[0, 2]], [batches[1], batches[0]])
    assert np.isnan(found[1]).all()


@pytest.mark.parametrize("seed", range(3))
def test_an_hour_from_its_minutes_is_near_the_hour_from_its_seconds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    drift = np.cumsum(rng.normal(0, 0.3, 3600))
    seconds = 50.0 + drift + rng.gamma(2.0, 2.0, 3600)
    minutes = np.quantile(seconds.reshape(60, 60), [0.9, 0.5, 0.1], axis=1).T
    found = exceeded_levels_db(minutes, np.full(60, 60.0))
    np.testing.assert_allclose(found, np.quantile(seconds, [0.9, 0.5, 0.1]), atol=0.5)


levels = st.floats(20, 100)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(levels, levels, levels, st.integers(1, 60)), min_size=1, max_size=30))
def test_they_fall_and_lie_within_what_was_measured(
    batches: list[tuple[float, float, float, int]],
) -> None:
    laf = np.array([sorted(batch[:3], reverse=True) for batch in batches])
    found = exceeded_levels_db(laf, [batch[3] for batch in batches])
    assert found[0] >= found[1] >= found[2]
    spread = laf.max() - laf.min()
    assert laf.min() - 0.3 * spread - 0.1 <= found[2]
    assert found[0] <= laf.max() + 0.3 * spread + 0.1
