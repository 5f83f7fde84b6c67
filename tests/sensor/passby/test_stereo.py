"""The track that two microphones give, against the one that was driven."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sensor.passby import stereo
from sensor.passby.geometry import Geometry, Track
from sensor.passby.phase_fit import StereoFit
from sensor.passby.resampling import resampled
from tests.sensor.passby.generator import Scenario, scenario, synthesise

RATE = 16_000


def driven(vehicle: str, acceleration_mps2: float) -> Scenario:
    made = scenario("normal", 10_000)
    motion = replace(
        made.motions[0], speed_mps=7.5, lateral_m=6.0, acceleration_mps2=acceleration_mps2
    )
    return replace(
        made,
        vehicles=(vehicle,),
        motions=(motion,),
        snr_db=20.0,
        spacing_m=0.5,
        distance_m=6.0,
        mic_height_m=2.0,
        yaw_deg=0.5,
        sample_rate=2 * RATE,
    )


def fitted(made: Scenario) -> tuple[StereoFit, float]:
    """The fit, and the angular rate that would be right."""
    place = Geometry(
        {1: made.distance_m, -1: made.distance_m},
        spacing_m=made.spacing_m,
        mic_height_m=made.mic_height_m,
        temperature_c=made.temperature_c,
    )
    sound = resampled(synthesise(made), made.sample_rate, RATE)
    delays = stereo.evidence(sound, RATE, place).moving()
    found = max(stereo.search(delays, place, 1), key=lambda candidate: candidate.score)
    fit = stereo.fit(sound, RATE, delays, found.track, place)
    return fit, abs(made.motions[0].speed_mps) / place.slant_m(1)


@pytest.mark.parametrize("acceleration_mps2", [0.0, 1.6, -1.6])
@pytest.mark.parametrize(("vehicle", "axles"), [("car", True), ("moped2", False)])
def test_a_car_is_two_axles_and_a_moped_is_not(
    vehicle: str, axles: bool, acceleration_mps2: float
) -> None:
    """Also while the speed changes, which one source alone could mistake for an axle."""
    fit, rate_per_s = fitted(driven(vehicle, acceleration_mps2))
    assert bool(fit.wheelbase_m) == axles
    assert fit.track.speed_mps / fit.track.slant_m == pytest.approx(rate_per_s, rel=0.025)
    assert fit.track.acceleration_mps2 == pytest.approx(acceleration_mps2, abs=0.5)
    if axles:
        assert fit.wheelbase_m == pytest.approx(2.65, rel=0.15)


def test_one_source_explains_as_much_at_each_frequency_as_two_do() -> None:
    """What echoes take from high frequencies must not count for a second axle."""
    fit, _ = fitted(driven("moped4", 0.0))
    assert fit.explained <= fit.likeness + 1e-9
    assert np.isfinite(fit.likeness)


def test_axles_further_apart_than_a_cars_are_told() -> None:
    place = Geometry({1: 9.4, -1: 9.4}, spacing_m=1.0)
    track = Track(11.0, place.slant_m(1), 2.5)
    one = StereoFit(track, 0.0, 0.0, np.eye(3), 0.5, 0.5)
    strains = [
        stereo.axles_strain(replace(one, wheelbase_m=metres), place) for metres in (0, 2.65, 4.0)
    ]
    assert strains[:2] == [0.0, 0.0]
    assert 2.2 < strains[2] < 4.0
