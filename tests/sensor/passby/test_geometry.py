"""The model of a drive past, against the propagation that makes simulated sound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.inputs.propagation import Motion, emission_times_s, microphone_pair
from sensor.passby.delays import delays_of_s
from sensor.passby.geometry import Geometry, Track, heard


@settings(deadline=None, max_examples=40)
@given(
    speed_mps=st.floats(3.0, 40.0),
    slant_m=st.floats(2.0, 15.0),
    acceleration=st.floats(-1.5, 1.5),
)
def test_range_and_emission_add_up_to_the_time_of_hearing(
    speed_mps: float, slant_m: float, acceleration: float
) -> None:
    track = Track(speed_mps, slant_m, 2.5, 1, acceleration)
    time_s = np.linspace(0.5, 4.5, 81)
    state = heard(track, time_s, 340.0)
    nearest_s = 2.5 - slant_m / 340.0
    np.testing.assert_allclose(state.emission_s + nearest_s + state.range_m / 340.0, time_s)
    np.testing.assert_allclose(np.hypot(state.along_m, slant_m), state.range_m, atol=1e-6)


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("yaw_deg", [0.0, 2.0])
def test_delays_are_those_of_the_propagation(direction: int, yaw_deg: float) -> None:
    """Each microphone's own retarded time, against the closed form about their middle."""
    geometry = Geometry(
        {1: 5.0, -1: 5.0}, spacing_m=1.0, mic_height_m=2.0, source_height_m=0.0, temperature_c=15.0
    )
    c_mps, slant_m = geometry.c_mps, geometry.slant_m(1)
    motion = Motion(direction * 15.0, 2.0, 5.0, height_m=0.0)
    sent_s = np.linspace(0.0, 4.0, 41)
    pair = microphone_pair(1.0, 2.0, yaw_deg)
    arrivals = []
    for microphone in (*pair, microphone_pair(0.0, 2.0)[0]):
        apart_m = np.sqrt(
            (motion.along_m(sent_s) - microphone.along_m) ** 2
            + (5.0 - microphone.towards_m) ** 2
            + 4.0
        )
        arrivals.append(sent_s + apart_m / c_mps)
        back_s, _ = emission_times_s(arrivals[-1], motion, microphone, 0.0, c_mps)
        np.testing.assert_allclose(back_s, sent_s, atol=1e-9)
    track = Track(15.0, slant_m, 2.0 + slant_m / c_mps, direction)
    model_s = delays_of_s(track, arrivals[2], geometry, np.deg2rad(yaw_deg))
    np.testing.assert_allclose(model_s, arrivals[1] - arrivals[0], atol=2e-6)


def test_the_part_ahead_passes_first() -> None:
    track = Track(10.0, 5.0, 2.0, 1, 1.0)
    front = track.ahead(1.0)
    assert front.heard_s == pytest.approx(1.9)
    assert front.speed_mps == pytest.approx(9.9)


def test_lanes_differ_by_direction() -> None:
    geometry = Geometry({1: 4.0, -1: 7.5})
    assert geometry.slant_m(1) < geometry.slant_m(-1)
    assert geometry.slant_log_uncertainty(1) > geometry.slant_log_uncertainty(-1)
