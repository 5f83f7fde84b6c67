"""The level of a pass-by."""

from __future__ import annotations

import numpy as np
import pytest

from sensor.passby.geometry import FloatArray, Track
from sensor.passby.level import broader_than_one, level_course

RATE = 6000


@pytest.mark.parametrize(("rate_per_s", "heard_s"), [(0.8, 2.0), (2.5, 3.1), (6.0, 2.5)])
def test_rate_and_time_of_a_passing_noise(rate_per_s: float, heard_s: float) -> None:
    random = np.random.default_rng(4)
    time_s = np.arange(5 * RATE) / RATE
    loud = 1.0 / np.sqrt(1.0 + (rate_per_s * (time_s - heard_s)) ** 2)
    signal = loud * random.normal(size=time_s.size) + 0.1 * random.normal(size=time_s.size)
    course = level_course(signal, RATE)
    assert course.rate_per_s == pytest.approx(rate_per_s, rel=0.15)
    assert course.heard_s == pytest.approx(heard_s, abs=0.1)
    assert course.shape_error_db < 1.0


def passing(rate_per_s: float, heard_s: tuple[float, ...]) -> FloatArray:
    random = np.random.default_rng(4)
    time_s = np.arange(5 * RATE) / RATE
    signal = 0.1 * random.normal(size=time_s.size)
    for at_s in heard_s:
        loud = 1.0 / np.sqrt(1.0 + (rate_per_s * (time_s - at_s)) ** 2)
        signal += loud * random.normal(size=time_s.size)
    return signal


@pytest.mark.parametrize(
    ("heard_s", "more"), [((2.5,), False), ((2.5, 2.6), False), ((2.2, 2.9), True)]
)
def test_two_that_follow_closely_are_louder_for_longer_than_one(
    heard_s: tuple[float, ...], more: bool
) -> None:
    """A tenth of a second apart they are as one to the level; 0.7 s are 2.1 of R / v."""
    course = level_course(passing(3.0, heard_s), RATE)
    assert broader_than_one(course, Track(18.0, 6.0, heard_s[0])) == more


def test_a_level_that_peaks_beside_the_delays_is_another_vehicles() -> None:
    course = level_course(passing(3.0, (2.5,)), RATE)
    assert broader_than_one(course, Track(18.0, 6.0, 2.8))


def test_steady_noise_does_not_rise() -> None:
    course = level_course(np.random.default_rng(5).normal(size=5 * RATE), RATE)
    assert course.rise_db < 1.2


def test_barks_have_not_the_shape_of_a_pass() -> None:
    random = np.random.default_rng(6)
    loud = np.where((np.arange(5 * RATE) // (RATE // 4)) % 4 == 0, 1.0, 0.03)
    assert level_course(loud * random.normal(size=loud.size), RATE).shape_error_db > 3.0


def test_silence_is_no_error() -> None:
    assert np.isfinite(level_course(np.zeros(5 * RATE), RATE).rise_db)
