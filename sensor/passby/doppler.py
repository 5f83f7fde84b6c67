"""The speed of a pass-by from the Doppler shift of its engine's harmonics.

An approaching engine is heard sharp, a leaving one flat, and the ratio tells the speed itself, not
the speed over the distance.  What stands in the way is the engine: its rate drifts with the
throttle and wanders by itself.  So the heard rate is fitted by the shift of a track, a steady
drift, and a random wander whose size and memory the data decide: a restless engine widens the
interval.  The distance that is known beforehand has long tails: where the shift contradicts it, it
was measured wrongly, and gives way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, solve_triangular, toeplitz

from sensor.passby.geometry import FloatArray, Track, heard
from sensor.passby.harmonics import (
    ANALYSIS_RATE,
    RATE_HOP_S,
    CombMap,
    Rates,
    frame_response,
    log_drift,
    measure_rates,
)
from sensor.passby.least_squares import bounded_influence, least_squares, long_tailed

_FRAME_LAG_S, _FRAME_WEIGHT = frame_response()


@dataclass(frozen=True, slots=True)
class Wander:
    """Slow random change of an engine's rate: its standard deviation, and how long it lasts."""

    size: float
    memory_s: float

    def covariance(self, frames: int) -> FloatArray:
        """Covariance of the rate's logarithm as so many frames in a row hear it.

        A frame hears a mean over its length.  Taken for the rate at its middle, that mean would be
        too smooth for any wander of this kind, and whatever else explains it preferred.
        """
        apart_s = np.abs(RATE_HOP_S * np.arange(frames)[:, np.newaxis] + _FRAME_LAG_S)
        return np.asarray(toeplitz(self.size**2 * np.exp(-apart_s / self.memory_s) @ _FRAME_WEIGHT))


# Sizes and memories of the engine's wander that are tried.  What lasts as long as the shift itself
# hides in it, so no single memory may be taken for granted.
_WANDERS = tuple(
    Wander(size, memory_s)
    for memory_s in (0.25, 0.7, 2.0)
    for size in (0.0003, 0.0006, 0.0012, 0.0025, 0.005, 0.01)
)
# In gear the rate follows the speed; a belt lets it slip: about this part of the way.
COUPLING, _COUPLING_UNCERTAINTY = 0.6, 0.35
_DRIFT_PER_S = 0.025
# An engine sits in the middle of a moped and over the front axle of most cars.
_ENGINE_AHEAD_M, _AHEAD_UNCERTAINTY_M = 0.6, 0.8
# What is heard best sits this far from the middle of the vehicle; and nobody's acceleration is
# constant: within R / v, the time that a speed is read from, it changes by this part of itself.
_HEARD_PART_M, _THROTTLE_PART = 1.3, 0.3
_RATE_FLOOR = 1e-4
# Beyond this within a few seconds it is another gear, and another fit.
_STEEPEST_PER_S = 0.25
_REPEATS = 2
# Wander that the rates are followed with before they are final.
_FOLLOWING_WANDER = Wander(0.0025, 1.0)
# Tails of the distance's prior: few distances are grossly wrong, none is certain not to be.
_DISTANCE_FREEDOM = 6.0
_FASTEST_MPS = 100.0
_HARDEST_MPS2 = 8.0
# Reflections in the road and the air's temperature: standard uncertainty of speed over sound's.
_SPEED_FLOOR = 0.012525


@dataclass(frozen=True, slots=True, eq=False)
class Belief:
    """A Gaussian over pass-bys.

    Parameters
    ----------
    mean : ndarray, shape (4,)
        Logarithm of the angular rate v / R (1/s), time at which the nearest point is heard (s),
        acceleration over distance (1/s2), logarithm of the distance R (m).
    covariance : ndarray, shape (4, 4)
    """

    mean: FloatArray
    covariance: FloatArray

    @property
    def log_speed(self) -> tuple[float, float]:
        """Logarithm of the speed in m/s and its standard uncertainty.

        With what a change of speed makes of the part of the vehicle that was heard, and of a
        throttle that was not held as still as the model has it.
        """
        weights = np.array([1.0, 0.0, 0.0, 1.0])
        variance = float(weights @ self.covariance @ weights)
        log_speed = float(weights @ self.mean)
        change_mps2 = self.mean[2] * np.exp(self.mean[3])
        away_m = np.hypot(_HEARD_PART_M, _THROTTLE_PART * np.exp(self.mean[3]))
        changed = change_mps2 * away_m / np.exp(2.0 * log_speed)
        return log_speed, float(np.hypot(np.sqrt(variance), changed))

    def track(self, direction: int) -> Track:
        """The track in the middle."""
        return _track(self.mean, direction)


def _track(state: FloatArray, direction: int) -> Track:
    slant_m = float(np.exp(np.clip(state[3], -2.0, 6.0)))
    speed_mps = float(np.exp(np.clip(state[0], -7.0, 4.0))) * slant_m
    return Track(
        # Least squares may try anything on its way; what is heard must stay slower than sound.
        speed_mps=min(speed_mps, _FASTEST_MPS),
        slant_m=slant_m,
        heard_s=float(state[1]),
        direction=direction,
        acceleration_mps2=float(np.clip(state[2] * slant_m, -_HARDEST_MPS2, _HARDEST_MPS2)),
    )


@dataclass(frozen=True, slots=True)
class Harmonic:
    """A pass-by that the comb map shows.

    `score` is the evidence in standard deviations of one frame; `drift_per_s` and `log_hz` are
    the engine's drift and its rate at the nearest point.
    """

    track: Track
    score: float
    drift_per_s: float
    log_hz: float


def search(
    combs: CombMap, base: Track, tracks: list[Track], slips_per_s: FloatArray, c_mps: float
) -> Harmonic:
    """The track and drift along which `combs` adds up best.

    `base` is the track whose shift was taken out before `combs` was made. The engine of a vehicle
    that changes its speed drifts with it, give or take `slips_per_s`.
    """
    state = heard(base, combs.heard_s, c_mps)
    taken = np.log1p(state.range_rate)
    best = Harmonic(base, -np.inf, 0.0, 0.0)
    for track in tracks:
        left = taken - np.log1p(heard(track, combs.heard_s, c_mps).range_rate)
        in_gear = COUPLING * track.acceleration_mps2 / track.speed_mps
        for drift in in_gear + slips_per_s:
            score, log_hz = combs.best_along(left + log_drift(drift, state.emission_s))
            if score > best.score:
                best = Harmonic(track, score, float(drift), log_hz)
    return best


@dataclass(frozen=True, slots=True, eq=False)
class DopplerFit:
    """What an engine's rates make of a belief.

    Parameters
    ----------
    belief : Belief
        Mean over the wanders, each as likely as the data make it.
    engine : Harmonic
        Track, drift and rate of the engine as they fit best.
    wander : float
        Standard deviation of the engine's wander, the same mean.
    cost : float
        Minus the logarithm of the evidence, all wanders together.
    """

    belief: Belief
    engine: Harmonic
    wander: float
    cost: float


@dataclass(frozen=True, slots=True, eq=False)
class _WanderFit:
    """Posterior for one wander, and minus the logarithm of its evidence."""

    parameters: FloatArray
    covariance: FloatArray
    cost: float


def fit(rates: Rates, prior: Belief, found: Harmonic, c_mps: float) -> DopplerFit:
    """Sharpen `prior` by the rates that were heard."""
    fits = _fits(rates, prior, found, c_mps)
    cost = np.array([one.cost for one in fits])
    share = np.exp(cost.min() - cost)
    share /= share.sum()
    mean = share @ np.array([one.parameters[:4] for one in fits])
    covariance = np.zeros((4, 4))
    for part, one in zip(share, fits, strict=True):
        apart = one.parameters[:4] - mean
        covariance += part * (one.covariance + np.outer(apart, apart))
    covariance[3, 3] += _SPEED_FLOOR**2
    return DopplerFit(
        belief=Belief(mean, covariance),
        engine=_engine(fits[int(np.argmax(share))], found),
        wander=float(share @ np.array([wander.size for wander in _WANDERS])),
        cost=_total(fits),
    )


def _engine(fitted: _WanderFit, found: Harmonic) -> Harmonic:
    """The engine that was found, as `fitted` has it."""
    p = fitted.parameters
    return Harmonic(
        track=_track(p[:4], found.track.direction).ahead(float(p[6])),
        score=found.score,
        drift_per_s=float(np.clip(p[5], -_STEEPEST_PER_S, _STEEPEST_PER_S)),
        log_hz=float(p[4]),
    )


def measure(
    signal: FloatArray, prior: Belief, found: Harmonic, c_mps: float
) -> tuple[Rates, DopplerFit]:
    """Measure rates along what was found and fit them, then again along what that gave.

    `signal` is at :data:`~sensor.passby.harmonics.ANALYSIS_RATE`.
    """
    rates = _rates(signal, found, c_mps)
    engine = found
    for _ in range(_REPEATS):
        start = _start(prior, engine)
        followed = _fit_with_wander(rates, prior, engine, c_mps, _FOLLOWING_WANDER, start)
        engine = _engine(followed, engine)
        rates = _rates(signal, engine, c_mps)
    return rates, fit(rates, prior, engine, c_mps)


def _rates(signal: FloatArray, engine: Harmonic, c_mps: float) -> Rates:
    return measure_rates(
        signal, ANALYSIS_RATE, engine.track, c_mps, engine.drift_per_s, engine.log_hz
    )


def _start(prior: Belief, found: Harmonic) -> FloatArray:
    return np.concatenate((prior.mean, [found.log_hz, found.drift_per_s, 0.0]))


def _fits(rates: Rates, prior: Belief, found: Harmonic, c_mps: float) -> list[_WanderFit]:
    """A fit for each wander, each begun where the one before ended."""
    fits: list[_WanderFit] = []
    start = _start(prior, found)
    for wander in _WANDERS:
        fits.append(_fit_with_wander(rates, prior, found, c_mps, wander, start))
        start = fits[-1].parameters
    return fits


def _fit_with_wander(
    rates: Rates, prior: Belief, found: Harmonic, c_mps: float, wander: Wander, start: FloatArray
) -> _WanderFit:
    own = rates.sigma**2 + _RATE_FLOOR**2
    noise = cholesky(wander.covariance(own.size) + np.diag(own), lower=True)
    # Upper triangular: the last of the whitened is the distance alone.
    whiten = np.linalg.cholesky(np.linalg.inv(prior.covariance)).T
    direction = found.track.direction

    def residuals(p: FloatArray) -> FloatArray:
        track = _track(p[:4], direction)
        state = heard(track.ahead(float(p[6])), rates.heard_s, c_mps)
        model = p[4] + log_drift(p[5], state.emission_s) - np.log1p(state.range_rate)
        left = solve_triangular(noise, rates.log_hz - model, lower=True, check_finite=False)
        growth = p[2] / np.exp(p[0])
        slip = np.hypot(_DRIFT_PER_S, _COUPLING_UNCERTAINTY * growth)
        ahead = (p[6] - _ENGINE_AHEAD_M) / _AHEAD_UNCERTAINTY_M
        engine = [p[4] - found.log_hz, (p[5] - COUPLING * growth) / slip, ahead]
        known = whiten @ (p[:4] - prior.mean)
        known[3] = long_tailed(known[3], _DISTANCE_FREEDOM)
        return np.concatenate((bounded_influence(left), known, engine))

    scale = np.array([0.05, 0.02, 0.05, 0.05, 0.01, 0.01, 0.3])
    solution = least_squares(residuals, start, scale, 25)
    covariance = np.asarray(np.linalg.inv(solution.information), dtype=np.float64)
    evidence = np.sum(np.log(np.diag(noise))) + 0.5 * np.linalg.slogdet(solution.information)[1]
    cost = float(solution.cost + evidence)
    return _WanderFit(solution.parameters, covariance[:4, :4], cost)


def doppler_evidence(rates: Rates, prior: Belief, fitted: DopplerFit, c_mps: float) -> float:
    """Logarithm of how much likelier the rates are with a Doppler shift than without."""
    without = _fits(rates, prior, fitted.engine, c_mps * 1e6)
    return _total(without) - fitted.cost


def _total(fits: list[_WanderFit]) -> float:
    return -float(np.logaddexp.reduce([-one.cost for one in fits]))
