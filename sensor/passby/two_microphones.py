"""Speed from two microphones: delays for the angular rate, Doppler shift for the distance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sensor.contract.quantities import SpeedMethod
from sensor.passby import doppler, harmonics, stereo
from sensor.passby.delays import DelayMap, shift_along
from sensor.passby.doppler import Belief, Harmonic
from sensor.passby.geometry import FloatArray, Geometry
from sensor.passby.harmonics import Warped
from sensor.passby.level import broader_than_one, level_course
from sensor.passby.phase_fit import StereoFit, state_of
from sensor.passby.resampling import resampled
from sensor.passby.results import (
    SHORTEST_S,
    Analysis,
    SpeedEstimate,
    SpeedRefused,
    estimated,
    refused,
    useful,
)
from sensor.passby.second_engine import CLEAR, second_engine
from sensor.passby.stereo import Candidate

STEREO_RATE = 16_000
# Chance alone reaches 5 to 7 in noise and beside machines; the weakest vehicles give 15.
_LEAST_SCORE = 10.0
_STANDING_SCORE = 30.0
_LEAST_EXPLAINED = 0.008
_MARGIN_S = 0.15
# Two sources further apart than most axles are two vehicles.
_LONGEST_WHEELBASE_M = 4.5
# Another vehicle this much later or earlier is cut away instead of spoiling the measurement.
_SEPARATE_S = 2.2
_LEAST_COMB_SCORE = 10.0
_SPEED_FACTORS = np.geomspace(0.7, 1.43, 9)
_SLIPS_PER_S = np.linspace(-0.1, 0.1, 17)
# Engine and geometry contradict each other when the distance would have to be this wrong, in
# standard uncertainties.
_BROKEN = 3.0
# Axles far apart that also strain the distance are two vehicles, one close behind the other.
_LONG_WHEELBASE_M, _LONG_STRAIN = 3.5, 1.2
# Where no engine bears the distance out, the axles alone must look like a car's.
_AXLES_STRAIN = 2.2
# An engine this restless is not one engine.
_RESTLESS = 0.0069


def analyse(pressure_pa: FloatArray, sample_rate: int, geometry: Geometry) -> Analysis:
    """Measure the speed of what passes in `pressure_pa`, shape (frames, 2)."""
    sound = resampled(pressure_pa, sample_rate, STEREO_RATE)
    analysis, other = _analyse(sound, geometry)
    if other is None or analysis.stereo is None:
        return analysis
    apart_s = other.track.heard_s - analysis.stereo.track.heard_s
    if abs(apart_s) < _SEPARATE_S:
        return analysis
    cut = int((analysis.stereo.track.heard_s + apart_s / 2.0) * STEREO_RATE)
    begin, end = (0, cut) if apart_s > 0 else (cut, sound.shape[0])
    if end - begin < SHORTEST_S * STEREO_RATE:
        return analysis
    part, _ = _analyse(sound[begin:end], geometry)
    return replace(part, begin_s=begin / STEREO_RATE)


def _analyse(sound: FloatArray, geometry: Geometry) -> tuple[Analysis, Candidate | None]:
    """The analysis, and the second vehicle that spoils it."""
    raw = stereo.evidence(sound, STEREO_RATE, geometry)
    delays = raw.moving()
    found = max(
        (c for direction in (1, -1) for c in stereo.search(delays, geometry, direction)),
        key=lambda candidate: candidate.score,
    )
    if found.score < _LEAST_SCORE:
        reason = refused("stationary" if raw.standing > _STANDING_SCORE else "no_vehicle")
        return Analysis(reason, geometry, delays=delays), None
    if not _MARGIN_S < found.track.heard_s < sound.shape[0] / STEREO_RATE - _MARGIN_S:
        return Analysis(refused("too_short"), geometry, delays=delays), None
    fitted = stereo.fit(sound, STEREO_RATE, delays, found.track, geometry)
    if fitted.explained < _LEAST_EXPLAINED:
        return Analysis(refused("too_quiet"), geometry, delays=delays, stereo=fitted), None
    if not stereo.drives(fitted.track):
        return Analysis(refused("stationary"), geometry, delays=delays, stereo=fitted), None
    other = stereo.second_vehicle(delays, fitted, geometry)
    if other is not None or _more_than_one(sound, fitted):
        two = Analysis(refused("two_vehicles"), geometry, delays=delays, stereo=fitted)
        return two, other
    return _with_engine(sound, delays, fitted, geometry), None


def _more_than_one(sound: FloatArray, fitted: StereoFit) -> bool:
    """Whether what was fitted is longer, or heard for longer, than one vehicle."""
    rate = harmonics.ANALYSIS_RATE
    course = level_course(resampled(sound[:, 0], STEREO_RATE, rate), rate)
    long = fitted.wheelbase_m > _LONGEST_WHEELBASE_M
    return long or broader_than_one(course, fitted.track)


def _belief(fitted: StereoFit, geometry: Geometry) -> Belief:
    log_slant, sigma = stereo.log_slant(fitted, geometry)
    covariance = np.zeros((4, 4))
    covariance[:3, :3] = fitted.covariance
    covariance[3, 3] = sigma**2
    return Belief(np.append(state_of(fitted.track), log_slant), covariance)


def _with_engine(
    sound: FloatArray, delays: DelayMap, fitted: StereoFit, geometry: Geometry
) -> Analysis:
    """Let the engine's Doppler shift correct the distance that the delays had to assume."""
    belief = _belief(fitted, geometry)
    shifted = shift_along(sound, STEREO_RATE, fitted.track, geometry, fitted.yaw_rad)
    signal = resampled(shifted.mean(axis=1), STEREO_RATE, harmonics.ANALYSIS_RATE)
    found = _search_engine(signal, belief, fitted, geometry)
    known = Analysis(refused("too_uncertain"), geometry, delays=delays, stereo=fitted)
    if found.score < _LEAST_COMB_SCORE:
        if stereo.axles_strain(fitted, geometry) > _AXLES_STRAIN:
            return replace(known, outcome=refused("two_vehicles"))
        return replace(known, outcome=_outcome(belief, belief, fitted, "stereo"), belief=belief)
    rates, fit = doppler.measure(signal, belief, found, geometry.c_mps)
    known = replace(known, engine=fit.engine, rates=rates, belief=fit.belief)
    rate = harmonics.ANALYSIS_RATE
    spectra = harmonics.line_spectra(Warped(signal, np.arange(signal.size) / rate, rate))
    if second_engine(spectra, rates, fit.engine, geometry.c_mps, CLEAR):
        return replace(known, outcome=refused("two_vehicles"))
    if fit.wander > _RESTLESS:
        return replace(known, outcome=refused("disagreement"))
    outcome = _outcome(fit.belief, belief, fitted, "fused")
    return replace(known, outcome=outcome)


def _search_engine(
    signal: FloatArray, belief: Belief, fitted: StereoFit, geometry: Geometry
) -> Harmonic:
    base = belief.track(fitted.track.direction)
    warped = harmonics.warp(signal, harmonics.ANALYSIS_RATE, base, geometry.c_mps)
    combs = harmonics.comb_map(harmonics.line_spectra(warped))
    tracks = [
        replace(
            base,
            speed_mps=base.speed_mps * factor,
            slant_m=base.slant_m * factor,
            acceleration_mps2=base.acceleration_mps2 * factor,
        )
        for factor in _SPEED_FACTORS
    ]
    return doppler.search(combs, base, tracks, _SLIPS_PER_S, geometry.c_mps)


def _outcome(
    belief: Belief, before: Belief, fitted: StereoFit, method: SpeedMethod
) -> SpeedEstimate | SpeedRefused:
    log_speed, sigma = belief.log_speed
    strain = abs(belief.mean[3] - before.mean[3]) / np.sqrt(before.covariance[3, 3])
    if strain > _BROKEN:
        return refused("disagreement")
    if fitted.wheelbase_m > _LONG_WHEELBASE_M and strain > _LONG_STRAIN:
        return refused("two_vehicles")
    nearest_s = float(belief.mean[1])
    estimate = estimated(log_speed, sigma, fitted.track.direction, method, nearest_s)
    return estimate if useful(estimate) else refused("too_uncertain")
