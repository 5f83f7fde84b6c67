"""What no estimator can beat: how far the engine's shift and the known distance tell a speed.

``python -m benchmarks.passby_bound [--count N] [--first SEED]`` prints, for the normal pass-bys of
:mod:`benchmarks.passby` and two microphones, the errors that were made beside the standard
uncertainty of the best possible estimator (root mean squares, km/h).  That one is told what no
node can know: how much the engine of this very pass-by wanders and for how long, how engines
drift, and that vehicles do not accelerate.  It hears the engine's rate in each frame as exactly
as the sound allows, has the delays of the microphones, and the distance give or take what is said
in the heading; it combines all of it by Bayes' rule, linear about the truth (van Trees' bound).

The column ``v/R known`` has the angular rate and the time exact: what better delays could bring.
"""

from __future__ import annotations

import os

# Before numpy is loaded: several threads would wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
from dataclasses import replace

import numpy as np

from sensor.passby.doppler import Belief, Wander
from sensor.passby.geometry import FloatArray, Geometry, heard
from sensor.passby.harmonics import Rates, log_drift
from sensor.passby.phase_fit import StereoFit
from sensor.passby.results import SpeedEstimate
from sensor.passby.speed import analyse_sound
from sensor.passby.stereo import log_slant
from tests.sensor.passby.generator import REPORT_SEED, SAMPLE_RATE, Scenario, scenario, synthesise

DISTANCE_UNCERTAINTIES_M = (0.4, 0.2, 0.1)
# Standard deviation of the generator's drift, and of where the engine sits (m).
DRIFT_PER_S, AHEAD_M = 0.0087, 0.8
EXACT = 1e-6
# Speed is the angular rate times the distance: this of the logarithms of the state.
LOG_SPEED = np.array([1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0])
STEP = 1e-4
SPEEDS_KMH = ((18.0, 35.0), (35.0, 60.0), (60.0, 92.0), (18.0, 92.0))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--count", type=int, default=100, help="normal pass-bys")
    parser.add_argument("--first", type=int, default=REPORT_SEED, help="seed of the first one")
    asked = parser.parse_args()
    seeds = range(asked.first, asked.first + asked.count)
    rows = np.array([row for seed in seeds if (row := compared(scenario("normal", seed)))])
    known = "".join(f"{f'+-{sigma_m} m':>10s}" for sigma_m in DISTANCE_UNCERTAINTIES_M)
    print(f"{'km/h':10s}{'n':>5s}{'errors':>8s}{known}{'v/R known':>11s}")
    for low, high in SPEEDS_KMH:
        part = rows[(rows[:, 0] >= low) & (rows[:, 0] < high)]
        rms = np.sqrt(np.mean(part**2, axis=0))
        figures = "".join(f"{figure:10.2f}" for figure in rms[2:-1])
        print(f"{low:2.0f} to {high:2.0f}  {len(part):5d}{rms[1]:8.2f}{figures}{rms[-1]:11.2f}")


def compared(made: Scenario) -> list[float] | None:
    """Speed, error, and the bounds of one pass-by; None where no engine was followed."""
    told = Geometry(
        distance_m={1: made.distance_m, -1: made.distance_m},
        spacing_m=made.spacing_m,
        mic_height_m=made.mic_height_m,
        temperature_c=made.temperature_c,
    )
    analysis = analyse_sound(synthesise(made), SAMPLE_RATE, told)
    outcome, rates, fitted = analysis.outcome, analysis.rates, analysis.stereo
    if not isinstance(outcome, SpeedEstimate) or rates is None or fitted is None:
        return None
    bounds = [bound(made, told, rates, fitted, sigma_m) for sigma_m in DISTANCE_UNCERTAINTIES_M]
    exactly = replace(fitted, covariance=EXACT**2 * np.eye(3))
    bounds.append(bound(made, told, rates, exactly, DISTANCE_UNCERTAINTIES_M[0]))
    (speed_kmh,) = made.speeds_kmh
    return [speed_kmh, outcome.speed_kmh - speed_kmh, *(speed_kmh * one for one in bounds)]


def bound(
    made: Scenario, told: Geometry, rates: Rates, fitted: StereoFit, distance_sigma_m: float
) -> float:
    """Least standard uncertainty of the logarithm of the speed."""
    slopes = _slopes(_truth(made, told, fitted), rates, told.c_mps)
    wander = Wander(made.rpm_wander, 1.0 / (2.0 * np.pi * made.rpm_wander_hz))
    heard_with = wander.covariance(slopes.shape[0]) + np.diag(rates.sigma**2 + EXACT**2)
    delays = fitted.covariance.copy()
    delays[2, :] = delays[:, 2] = 0.0
    delays[2, 2] = EXACT**2
    known = np.zeros((7, 7))
    known[:3, :3] = np.linalg.inv(delays)
    _, log_slant_sigma = log_slant(fitted, replace(told, distance_uncertainty_m=distance_sigma_m))
    known[3, 3] = log_slant_sigma**-2
    known[5, 5], known[6, 6] = DRIFT_PER_S**-2, AHEAD_M**-2
    information = known + slopes.T @ np.linalg.solve(heard_with, slopes)
    return float(np.sqrt(LOG_SPEED @ np.linalg.solve(information, LOG_SPEED)))


def _truth(made: Scenario, told: Geometry, fitted: StereoFit) -> FloatArray:
    """True angular rate, time, acceleration and distance; then engine's rate, drift and place."""
    direction = made.directions[0]
    there = replace(told, distance_m={direction: made.motions[0].lateral_m})
    log_distance = np.log(there.slant_m(direction))
    log_rate = np.log(made.speeds_kmh[0] / 3.6) - log_distance
    drift = made.rpm_drift_per_s
    return np.array([log_rate, fitted.track.heard_s, 0.0, log_distance, 0.0, drift, 0.0])


def _slopes(truth: FloatArray, rates: Rates, c_mps: float) -> FloatArray:
    """Derivatives of the heard rates, shape (frames, parameters)."""

    def log_hz(state: FloatArray) -> FloatArray:
        track = Belief(state[:4], np.eye(4)).track(1).ahead(float(state[6]))
        sent = heard(track, rates.heard_s, c_mps)
        sent_log_hz = state[4] + log_drift(float(state[5]), sent.emission_s)
        return np.asarray(sent_log_hz - np.log1p(sent.range_rate))

    steps = STEP * np.eye(truth.size)
    columns = [log_hz(truth + step) - log_hz(truth - step) for step in steps]
    return np.stack(columns, axis=1) / (2.0 * STEP)


if __name__ == "__main__":
    main()
