"""The background follows the day and not the events."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.passby.background import BackgroundTracker

RATE = 8000
STEP = 1000


def observed(tracker: BackgroundTracker, levels_db: list[float], first_step: int = 0) -> int:
    """Observe one level a step; the number of the next step."""
    for number, level_db in enumerate(levels_db, start=first_step):
        tracker.observe(level_db, number * STEP, STEP)
    return first_step + len(levels_db)


def test_it_is_the_level_exceeded_nine_tenths_of_the_time() -> None:
    levels = np.random.default_rng(1).normal(48, 4, 2400)
    tracker = BackgroundTracker(600, 10, RATE)
    observed(tracker, levels.tolist())
    assert tracker.laf90_db == pytest.approx(np.percentile(levels, 10), abs=0.1)


def test_nothing_is_known_before_it_has_settled() -> None:
    tracker = BackgroundTracker(600, 10, RATE)
    after = observed(tracker, [50.0] * 72)
    assert tracker.laf90_db is None
    observed(tracker, [50.0] * 8, after)
    assert tracker.laf90_db == pytest.approx(50, abs=0.1)


def test_five_loud_minutes_in_ten_do_not_move_it() -> None:
    tracker = BackgroundTracker(600, 10, RATE)
    after = observed(tracker, [48.0] * 4800)
    observed(tracker, [75.0] * 2400, after)
    assert tracker.laf90_db == pytest.approx(48, abs=0.1)


def test_it_follows_a_rise_within_its_window_and_a_fall_within_a_tenth_of_it() -> None:
    tracker = BackgroundTracker(600, 10, RATE)
    after = observed(tracker, [45.0] * 4800)
    after = observed(tracker, [55.0] * 4800, after)
    assert tracker.laf90_db == pytest.approx(55, abs=0.1)
    observed(tracker, [45.0] * 560, after)
    assert tracker.laf90_db == pytest.approx(45, abs=0.1)


def test_a_stream_that_was_silent_for_an_hour_starts_anew() -> None:
    tracker = BackgroundTracker(600, 10, RATE)
    observed(tracker, [60.0] * 800)
    observed(tracker, [45.0] * 100, first_step=3600 * 8)
    assert tracker.laf90_db == pytest.approx(45, abs=0.1)


def test_what_is_no_number_is_left_out() -> None:
    tracker = BackgroundTracker(600, 1, RATE)
    observed(tracker, [50.0, math.nan] * 100)
    assert tracker.laf90_db == pytest.approx(50, abs=0.1)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(-60, 200), min_size=80, max_size=200))
def test_it_lies_within_what_was_observed_or_can_be_told(levels: list[float]) -> None:
    tracker = BackgroundTracker(600, 1, RATE)
    observed(tracker, levels)
    assert tracker.laf90_db is not None
    assert max(min(levels), -20) - 0.1 <= tracker.laf90_db <= min(max(levels), 160) + 0.1
