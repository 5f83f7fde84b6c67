"""Speed from one microphone: level for where, Doppler shift for how fast."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sensor.passby import doppler, harmonics
from sensor.passby.doppler import Belief, DopplerFit, Harmonic
from sensor.passby.geometry import FloatArray, Geometry, Track
from sensor.passby.harmonics import CombMap, Warped
from sensor.passby.level import LevelCourse, level_course
from sensor.passby.resampling import resampled
from sensor.passby.results import (
    Analysis,
    SpeedEstimate,
    SpeedRefused,
    estimated,
    refused,
    useful,
)
from sensor.passby.second_engine import DOUBT, second_engine

_SPEEDS_KMH = np.geomspace(10.0, 130.0, 16)
# Change of speed, in parts of it a second: without it an engine that speeds up in gear is followed
# along a track that is nearest at another time, and lost where the two part.
_GROWTHS_PER_S = np.linspace(-0.24, 0.24, 7)
_SLIPS_PER_S = np.linspace(-0.1, 0.1, 17)
_STILL_MPS = 0.01
# Engines and loudspeakers are not equally loud all round: the level's rate is good to this.
_LEVEL_RATE_UNCERTAINTY = 0.3
_SEARCHED_RATIO = 3.0
_ACCELERATION_MPS2, _HARDEST_MPS2 = 1.2, 3.0
_LEAST_RISE_DB = 1.2
_GREATEST_SHAPE_ERROR_DB = 1.6
_CLEAR_RISE_DB, _CLEAR_SHAPE_ERROR_DB = 3.0, 0.6
_LEAST_COMB_SCORE = 8.0
_LEAST_EVIDENCE = 3.0
_RESTLESS = 0.0056
_MARGIN_S = 0.3
# By this much, in the prior's standard uncertainties, level and shift may differ about when the
# vehicle was nearest (the engine sits ahead, so the shift is early), and about the distance.
_EARLY, _APART, _BROKEN = 0.22, 0.83, 2.5
# And by this much about v / R: single vehicles reach 1.9, two whose shifts were mixed up more.
_RATES_APART = 2.2


def analyse(pressure_pa: FloatArray, sample_rate: int, geometry: Geometry) -> Analysis:
    """Measure the speed of what passes in `pressure_pa`, shape (frames,)."""
    rate = harmonics.ANALYSIS_RATE
    signal = resampled(pressure_pa, sample_rate, rate)
    course = level_course(signal, rate)
    spectra = harmonics.line_spectra(Warped(signal, np.arange(signal.size) / rate, rate))
    combs = harmonics.comb_map(spectra)
    prior = _prior(course, geometry)
    found = _search(combs, prior, course, geometry)
    refusal = _unsuited(course, found, signal.size / rate)
    if refusal is not None:
        return Analysis(refusal, geometry)
    rates, fit = doppler.measure(signal, prior, found, geometry.c_mps)
    if second_engine(spectra, rates, fit.engine, geometry.c_mps, DOUBT):
        outcome: SpeedEstimate | SpeedRefused = refused("two_vehicles")
    else:
        evidence = doppler.doppler_evidence(rates, prior, fit, geometry.c_mps)
        outcome = _outcome(fit, prior, course, evidence)
    return Analysis(outcome, geometry, engine=fit.engine, rates=rates, belief=fit.belief)


def _prior(course: LevelCourse, geometry: Geometry) -> Belief:
    """What the level and the place tell, the direction being unknown."""
    slants = [np.log(geometry.slant_m(direction)) for direction in (1, -1)]
    sigma = max(geometry.slant_log_uncertainty(direction) for direction in (1, -1))
    log_slant = float(np.mean(slants))
    half_apart = abs(slants[0] - slants[1]) / 2.0
    deviations = np.array(
        [
            _LEVEL_RATE_UNCERTAINTY,
            0.3 / course.rate_per_s + 0.05,
            _ACCELERATION_MPS2 / np.exp(log_slant),
            np.hypot(sigma, half_apart),
        ]
    )
    return Belief(
        np.array([np.log(course.rate_per_s), course.heard_s, 0.0, log_slant]),
        np.diag(deviations**2),
    )


def _search(combs: CombMap, prior: Belief, course: LevelCourse, geometry: Geometry) -> Harmonic:
    slant_m = float(np.exp(prior.mean[3]))
    base = Track(_STILL_MPS, slant_m, course.heard_s)
    offsets_s = np.linspace(-1.0, 1.0, 7) * (0.4 / course.rate_per_s + 0.1)
    ratios = _SPEEDS_KMH / 3.6 / slant_m / course.rate_per_s
    likely = _SPEEDS_KMH[np.abs(np.log(ratios)) < np.log(_SEARCHED_RATIO)]
    tracks = [
        replace(
            base,
            speed_mps=speed_kmh / 3.6,
            heard_s=course.heard_s + offset_s,
            acceleration_mps2=growth * speed_kmh / 3.6,
        )
        for speed_kmh in likely
        for growth in _GROWTHS_PER_S
        if abs(growth) * speed_kmh / 3.6 < _HARDEST_MPS2
        for offset_s in offsets_s
    ]
    return doppler.search(combs, base, tracks or [base], _SLIPS_PER_S, geometry.c_mps)


def _unsuited(course: LevelCourse, found: Harmonic, duration_s: float) -> SpeedRefused | None:
    """Why the sound is not a pass-by of an engine, if it is not."""
    tonal = found.score >= _LEAST_COMB_SCORE
    passing = course.shape_error_db <= _GREATEST_SHAPE_ERROR_DB
    if course.rise_db < _LEAST_RISE_DB:
        return refused("stationary" if tonal else "no_vehicle")
    if not passing:
        return refused("tonal_machine" if tonal else "no_vehicle")
    if not _MARGIN_S < course.heard_s < duration_s - _MARGIN_S:
        return refused("too_short")
    return None if tonal else refused("no_harmonics")


def _outcome(
    fit: DopplerFit, prior: Belief, course: LevelCourse, evidence: float
) -> SpeedEstimate | SpeedRefused:
    shift = (fit.belief.mean - prior.mean) / np.sqrt(np.diag(prior.covariance))
    if np.hypot((shift[1] + _EARLY) / _APART, shift[3] / _BROKEN) > 1.0:
        return refused("disagreement")
    if abs(shift[0]) > _RATES_APART:
        return refused("disagreement")
    log_speed, sigma = fit.belief.log_speed
    estimate = estimated(log_speed, sigma, None, "doppler", float(fit.belief.mean[1]))
    shifted = evidence > _LEAST_EVIDENCE or (evidence > 0.0 and _clear(course))
    usable = shifted and fit.wander < _RESTLESS and useful(estimate)
    return estimate if usable else refused("too_uncertain")


def _clear(course: LevelCourse) -> bool:
    """Whether the level alone is that of a pass-by: a slow one's shift is hardly heard."""
    return course.rise_db > _CLEAR_RISE_DB and course.shape_error_db < _CLEAR_SHAPE_ERROR_DB
