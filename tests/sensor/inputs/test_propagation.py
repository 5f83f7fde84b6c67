"""Sound of something that moves, checked against what it must obey."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.inputs.propagation import (
    Microphone,
    Motion,
    MovingSource,
    emission_times_s,
    microphone_pair,
    speed_of_sound_mps,
)

C_MPS = 340.0


def test_speed_of_sound_at_20_degrees() -> None:
    assert speed_of_sound_mps(20.0) == pytest.approx(343.2, abs=0.1)


@settings(deadline=None, max_examples=40)
@given(
    speed_mps=st.floats(-40.0, 40.0),
    acceleration=st.floats(-2.0, 2.0),
    lateral_m=st.floats(1.5, 30.0),
    height_m=st.floats(-2.0, 2.0),
)
def test_sound_arrives_its_travelling_time_after_it_was_sent(
    speed_mps: float, acceleration: float, lateral_m: float, height_m: float
) -> None:
    motion = Motion(speed_mps, 2.0, lateral_m, acceleration_mps2=acceleration)
    microphone = Microphone(0.3, 0.1, 2.0)
    heard_s = np.linspace(0.0, 4.0, 101)
    sent_s, distance_m = emission_times_s(heard_s, motion, microphone, height_m, C_MPS)
    apart_m = np.sqrt(
        (motion.along_m(sent_s) - 0.3) ** 2 + (lateral_m - 0.1) ** 2 + (2.0 - height_m) ** 2
    )
    np.testing.assert_allclose(sent_s + apart_m / C_MPS, heard_s, atol=1e-9)
    np.testing.assert_allclose(distance_m, apart_m, atol=1e-5)


def test_a_tone_is_heard_with_its_doppler_shift() -> None:
    rate, tone_hz, speed_mps = 8000, 500.0, 20.0
    signal = np.sin(2 * np.pi * tone_hz * np.arange(8 * rate) / rate)
    source = MovingSource(signal, rate, 2.0)
    motion = Motion(speed_mps, 3.0, 2.0, height_m=0.4)
    heard_s = np.arange(6 * rate) / rate
    heard = source.heard_pa(heard_s, motion, Microphone(0.0, 0.0, 2.0), C_MPS, reflection=0.0)
    for begin, sign in ((0, -1.0), (5 * rate, 1.0)):
        part = heard[begin : begin + rate] * np.hanning(rate)
        peak_hz = np.argmax(np.abs(np.fft.rfft(part, 8 * rate))) / 8.0
        # Some metres away the line of sight is not yet quite along the road.
        assert peak_hz == pytest.approx(tone_hz / (1.0 + sign * speed_mps / C_MPS), rel=2e-3)


def test_a_standing_source_is_as_loud_as_its_distance_has_it() -> None:
    rate = 8000
    source = MovingSource(np.random.default_rng(1).normal(size=3 * rate), rate, 1.0)
    heard_s = np.arange(rate) / rate
    levels = [
        np.std(
            source.heard_pa(
                heard_s, Motion(0.0, 0.0, lateral_m, 0.0), Microphone(0, 0, 0.0), C_MPS, 0.0
            )
        )
        for lateral_m in (5.0, 10.0)
    ]
    assert levels[0] / levels[1] == pytest.approx(2.0, rel=0.03)


def test_yaw_turns_the_pair_about_its_middle() -> None:
    first, second = microphone_pair(1.0, 2.0, yaw_deg=90.0)
    assert (first.along_m, second.along_m) == pytest.approx((0.0, 0.0))
    assert (first.towards_m, second.towards_m) == pytest.approx((-0.5, 0.5))
