"""Speeds from radar readings, and together with those from sound."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from sensor.inputs.ops243 import SpeedReading
from sensor.inputs.simulated_radar import SimulatedRadar, SimulatedRadarConfig
from sensor.passby.fusion import fused
from sensor.passby.geometry import Geometry
from sensor.passby.radar import radar_speed
from sensor.passby.results import SpeedEstimate, SpeedRefused, estimated, refused

START = datetime(2026, 11, 23, 7, 45, tzinfo=UTC)
# The radar of the simulation hangs as high as the vehicle's echo comes from.
GEOMETRY = Geometry({1: 6.0, -1: 6.0}, mic_height_m=0.4)


def seen(speed_kmh: float) -> list[SpeedReading]:
    config = SimulatedRadarConfig(
        speed_kmh=speed_kmh, distance_m=6.0, every_s=8.0, passes=1, real_time=False
    )
    return list(SimulatedRadar(config, START).readings())


def given(speed_kmh: float, log_sigma: float) -> SpeedEstimate:
    return estimated(float(np.log(speed_kmh / 3.6)), log_sigma, 1, "stereo", 4.0)


@pytest.mark.parametrize("speed_kmh", [20.0, 31.0, 45.0, 70.0, 95.0])
def test_the_speed_of_a_pass(speed_kmh: float) -> None:
    outcome = radar_speed(seen(speed_kmh), START, GEOMETRY)
    assert isinstance(outcome, SpeedEstimate)
    assert outcome.speed_kmh == pytest.approx(speed_kmh, rel=0.03)
    assert outcome.low_kmh <= speed_kmh <= outcome.high_kmh
    assert outcome.nearest_s == pytest.approx(4.0, abs=0.15)
    assert outcome.method == "radar"


def test_the_course_corrects_the_cosine_that_single_readings_have() -> None:
    near = [r for r in seen(40.0) if abs((r.time - START).total_seconds() - 4.0) < 1.2]
    outcome = radar_speed(near, START, GEOMETRY)
    assert isinstance(outcome, SpeedEstimate)
    assert outcome.speed_kmh == pytest.approx(40.0, rel=0.06)
    assert outcome.low_kmh <= 40.0 <= outcome.high_kmh


def test_directions_may_be_missing() -> None:
    bare = [SpeedReading(reading.time, reading.speed_kmh) for reading in seen(50.0)]
    outcome = radar_speed(bare, START, GEOMETRY)
    assert isinstance(outcome, SpeedEstimate)
    assert outcome.speed_kmh == pytest.approx(50.0, rel=0.04)


@pytest.mark.parametrize("count", [0, 3])
def test_a_few_readings_are_no_vehicle(count: int) -> None:
    outcome = radar_speed(seen(50.0)[:count], START, GEOMETRY)
    assert isinstance(outcome, SpeedRefused)


def test_a_scatter_of_readings_gives_no_speed() -> None:
    random = np.random.default_rng(2)
    scatter = [
        SpeedReading(START + timedelta(seconds=0.2 * n), float(random.uniform(5, 90)))
        for n in range(30)
    ]
    assert isinstance(radar_speed(scatter, START, GEOMETRY), SpeedRefused)


def test_agreeing_estimates_are_fused_and_narrower() -> None:
    both = fused(given(42.0, 0.05), given(40.0, 0.02))
    assert isinstance(both, SpeedEstimate)
    assert both.method == "fused"
    assert 40.0 < both.speed_kmh < 41.0
    assert both.log_sigma < 0.02
    assert both.direction == 1


def test_disagreement_is_reported() -> None:
    outcome = fused(given(60.0, 0.04), given(40.0, 0.02))
    assert isinstance(outcome, SpeedRefused)
    assert outcome.reason == "disagreement"


def test_one_estimate_stands_alone() -> None:
    assert fused(given(60.0, 0.04), refused("no_vehicle")) == given(60.0, 0.04)
    assert fused(refused("no_harmonics"), given(40.0, 0.02)) == given(40.0, 0.02)


def test_a_radar_cannot_tell_which_of_two_it_followed() -> None:
    outcome = fused(refused("two_vehicles"), given(40.0, 0.02))
    assert isinstance(outcome, SpeedRefused)
    assert outcome.reason == "two_vehicles"
