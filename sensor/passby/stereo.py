"""The track of a pass-by from the delays between two microphones.

First the evidence for delays is summed along every track that is possible: the track is found
before any delay is.  Then both channels are shifted along the best track, and the phases that are
left are fitted by the tracks of one source or of two axles, each as loud as its distance has it.
What comes out is the angular rate v / R at the nearest point; the distance R it cannot tell.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sensor.passby.delays import DelayMap, cross_spectra, delay_map, delays_of_s
from sensor.passby.geometry import FloatArray, Geometry, Track
from sensor.passby.phase_fit import (
    WHEELBASE_M,
    WHEELBASE_UNCERTAINTY,
    PhaseFit,
    StereoFit,
    lock_on,
    state_of,
)

SEARCH_SPEEDS_KMH = np.geomspace(6.0, 150.0, 33)
_FRAME_S = 0.032
_BAND_HZ = (200.0, 4000.0)
# Step of the time of the nearest point, in units of R / v.
_STEP = 0.12
# Two axles must explain this much more of the phases than one source does.
_AXLES_MARGIN, _AXLES_WIDTH, _ASTRAY = 0.006, 0.003, 0.1
# What lies this close to a track belongs to it: parts of the vehicle, and the width of a peak.
_VEHICLE_HALF_M = 1.0
_RESOLUTION_S = 1.5e-4
_WALKING_MPS = 1.0
# What a second vehicle must exceed, absolutely and as part of the first: the other way, at about
# the same speed or (where slow tracks add up noise) at any; the same way well apart; the same way
# beside the first, where echoes and its own other axle lie (_BESIDE in units of R).
_OPPOSITE_CHANCE, _SLOW_CHANCE, _OPPOSITE_PART, _ALIKE = 3.8, 9.0, 0.05, 0.8
_SAME_CHANCE, _APART_PART, _BESIDE_PART, _BESIDE, _LONGEST_VEHICLE_M = 9.0, 0.30, 0.45, 0.5, 3.2


@dataclass(frozen=True, slots=True)
class Candidate:
    """A track with the evidence for it, in standard deviations of chance."""

    track: Track
    score: float


def evidence(sound: FloatArray, sample_rate: int, geometry: Geometry) -> DelayMap:
    """Delay map for the search, of `sound` with shape (frames, 2)."""
    spectra = cross_spectra(sound, sample_rate, _FRAME_S, _BAND_HZ)
    return delay_map(spectra, 1.05 * (geometry.spacing_m or 0.0) / geometry.c_mps)


def search(delays: DelayMap, geometry: Geometry, direction: int) -> list[Candidate]:
    """The best track of each speed in `direction`."""
    found = []
    slant_m = geometry.slant_m(direction)
    hop_s = delays.time_s[1] - delays.time_s[0]
    lag_s = np.arange(1 - delays.time_s.size, delays.time_s.size) * hop_s
    for speed_kmh in SEARCH_SPEEDS_KMH:
        template = Track(speed_kmh / 3.6, slant_m, 0.0, direction)
        stride = max(1, int(_STEP * slant_m / template.speed_mps / hop_s))
        # Where the nearest point is changes the delays only by when: one table serves all.
        sums = delays.along_shifted(delays_of_s(template, lag_s, geometry), stride)
        best = int(np.argmax(sums))
        track = replace(template, heard_s=float(delays.time_s[best * stride]))
        found.append(Candidate(track, float(sums[best])))
    return found


def fit(
    sound: FloatArray, sample_rate: int, delays: DelayMap, start: Track, geometry: Geometry
) -> StereoFit:
    """Fit the phases of `sound` from a track that :func:`search` found.

    One source and two axles are both tried; where they explain about as much, their mean is
    given with their difference as uncertainty.
    """
    first = lock_on(sound, sample_rate, start, geometry)
    single = PhaseFit(sound, sample_rate, geometry, start, 0.0).solve(first)
    if not drives(single.track):
        return single
    # One source follows one of the axles, or their middle.
    middle = max(
        (single.track.ahead(offset_m) for offset_m in (-WHEELBASE_M / 2, 0.0, WHEELBASE_M / 2)),
        key=lambda track: _two_axles_score(delays, track, geometry),
    )
    second = lock_on(sound, sample_rate, middle, geometry, single.yaw_rad)
    double = PhaseFit(sound, sample_rate, geometry, middle, WHEELBASE_M).solve(second)
    return _weigh(single, double) if drives(double.track) else single


def drives(track: Track) -> bool:
    """Whether what is on `track` goes past: not slower than who walks, nor does it turn back there.

    What stands still, or reaches both microphones by one cable, is fitted by such tracks.
    """
    stops_within_m = track.speed_mps**2 / max(2.0 * abs(track.acceleration_mps2), 1e-9)
    return track.speed_mps > _WALKING_MPS and stops_within_m > _LONGEST_VEHICLE_M


def second_vehicle(delays: DelayMap, fitted: StereoFit, geometry: Geometry) -> Candidate | None:
    """Another vehicle, where a track is left when everything near the fitted one is taken away.

    One vehicle leaves tracks beside its own, which echoes make; none the other way.
    """
    half_m = _VEHICLE_HALF_M + fitted.wheelbase_m / 2.0
    ends = [
        delays_of_s(fitted.track.ahead(ahead_m), delays.time_s, geometry, fitted.yaw_rad)
        for ahead_m in (half_m, -half_m)
    ]
    left = delays.without(np.minimum(*ends) - _RESOLUTION_S, np.maximum(*ends) + _RESOLUTION_S)
    own = float(np.sum(delays.along(delays_of_s(fitted.track, delays.time_s, geometry))))
    own = max(own, _two_axles_score(delays, fitted.track, geometry))
    opposite = search(left, geometry, -fitted.track.direction)
    for rivals, limit in (
        ([one for one in opposite if _as_fast(one.track, fitted.track)], _OPPOSITE_CHANCE),
        (opposite, _SLOW_CHANCE),
    ):
        best = max(rivals, key=lambda candidate: candidate.score)
        if best.score > max(limit, _OPPOSITE_PART * own):
            return best
    best = max(search(left, geometry, fitted.track.direction), key=lambda one: one.score)
    apart_m = abs(best.track.heard_s - fitted.track.heard_s) * fitted.track.speed_mps
    beside = apart_m < max(_BESIDE * fitted.track.slant_m, _LONGEST_VEHICLE_M)
    part = _BESIDE_PART if beside else _APART_PART
    return best if best.score > max(_SAME_CHANCE, part * own) else None


def _as_fast(track: Track, other: Track) -> bool:
    """Whether two tracks are of about the same speed, as in one street."""
    return abs(float(np.log(track.speed_mps / other.speed_mps))) < _ALIKE


def _two_axles_score(delays: DelayMap, middle: Track, geometry: Geometry) -> float:
    scores = [
        delays.along(delays_of_s(middle.ahead(ahead_m), delays.time_s, geometry))
        for ahead_m in (WHEELBASE_M / 2, -WHEELBASE_M / 2)
    ]
    return float(np.sum(np.maximum(*scores)))


def _weigh(single: StereoFit, double: StereoFit) -> StereoFit:
    """The better of two fits, with their difference as uncertainty where neither is clear."""
    # Axles change the rate little: where it changes much, the fit has gone astray.
    rates = [state_of(one.track)[0] for one in (single, double)]
    margin = _AXLES_MARGIN + _ASTRAY * abs(rates[1] - rates[0])
    excess = (double.likeness - single.likeness - margin) / _AXLES_WIDTH
    share = 1.0 / (1.0 + np.exp(-np.clip(excess, -30.0, 30.0)))
    best, other = (double, single) if share > 0.5 else (single, double)
    apart = state_of(other.track) - state_of(best.track)
    spread = share * (1.0 - share) * np.outer(apart, apart)
    return replace(best, covariance=best.covariance + spread)


def log_slant(fitted: StereoFit, geometry: Geometry) -> tuple[float, float]:
    """Logarithm of the distance at the nearest point and its standard uncertainty.

    Where two axles are heard, their distance from each other is a second measure: it is
    2.65 m give or take 13 % for cars.
    """
    direction = fitted.track.direction
    mean, sigma = np.log(geometry.slant_m(direction)), geometry.slant_log_uncertainty(direction)
    if not fitted.wheelbase_m:
        return float(mean), sigma
    share = sigma**2 / (sigma**2 + WHEELBASE_UNCERTAINTY**2)
    return float(mean + share * _further(fitted)), float(sigma * np.sqrt(1.0 - share))


def axles_strain(fitted: StereoFit, geometry: Geometry) -> float:
    """By how many standard uncertainties two axles are further apart than those of a car.

    Were the distance as it is configured; 0 for one source.
    """
    if not fitted.wheelbase_m:
        return 0.0
    sigma = np.hypot(geometry.slant_log_uncertainty(fitted.track.direction), WHEELBASE_UNCERTAINTY)
    return float(-_further(fitted) / sigma)


def _further(fitted: StereoFit) -> float:
    """Logarithm of the distance that a car's axles would need over the one that was assumed."""
    return float(np.log(WHEELBASE_M / fitted.wheelbase_m))
