"""An engine's rate, where it is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import lfilter

from sensor.passby import doppler, harmonics
from sensor.passby.geometry import FloatArray, Track, heard

RATE = harmonics.ANALYSIS_RATE
C_MPS = 340.0
TRACK = Track(14.0, 6.0, 2.5)


def passing_engine(track: Track, rate_hz: float, drift_per_s: float, noise: float) -> FloatArray:
    """Twelve orders of an engine that drives along `track`, five seconds."""
    random = np.random.default_rng(8)
    state = heard(track, np.arange(5 * RATE) / RATE, C_MPS)
    turns = rate_hz * (state.emission_s + 0.5 * drift_per_s * state.emission_s**2)
    phases = random.uniform(0.0, 2 * np.pi, 12)
    lines = [np.sin(2 * np.pi * k * turns + phases[k - 1]) / k for k in range(1, 13)]
    loud = track.slant_m / state.range_m
    return np.asarray(loud * np.sum(lines, axis=0) + noise * random.normal(size=turns.size))


def combs_of(signal: FloatArray, base: Track) -> harmonics.CombMap:
    warped = harmonics.warp(signal, RATE, base, C_MPS)
    return harmonics.comb_map(harmonics.line_spectra(warped))


def test_the_search_finds_speed_drift_and_rate() -> None:
    signal = passing_engine(TRACK, 70.0, 0.02, 0.3)
    base = replace(TRACK, speed_mps=10.0)
    tracks = [replace(TRACK, speed_mps=speed) for speed in (8.0, 10.0, 12.0, 14.0, 16.0, 18.0)]
    drifts = np.linspace(-0.04, 0.04, 9)
    found = doppler.search(combs_of(signal, base), base, tracks, drifts, C_MPS)
    assert found.track.speed_mps == pytest.approx(14.0, abs=2.1)
    assert found.drift_per_s == pytest.approx(0.02, abs=0.011)
    assert np.exp(found.log_hz) == pytest.approx(70.0, rel=0.01)
    assert found.score > 20.0


def test_rates_are_heard_with_the_shift_of_the_track() -> None:
    signal = passing_engine(TRACK, 70.0, 0.0, 0.3)
    guess = replace(TRACK, speed_mps=13.0)
    rates = harmonics.measure_rates(signal, RATE, guess, C_MPS, 0.0, np.log(70.0))
    truth = np.log(70.0) - np.log1p(heard(TRACK, rates.heard_s, C_MPS).range_rate)
    assert np.sqrt(np.mean((rates.log_hz - truth) ** 2)) < 1e-3


def test_noise_has_no_engine() -> None:
    signal = np.random.default_rng(9).normal(size=5 * RATE)
    found = doppler.search(combs_of(signal, TRACK), TRACK, [TRACK], np.zeros(1), C_MPS)
    assert found.score < 6.0


def test_taking_out_an_engine_leaves_none() -> None:
    signal = passing_engine(TRACK, 70.0, 0.0, 0.3)
    spectra = harmonics.line_spectra(harmonics.warp(signal, RATE, TRACK, C_MPS))
    left = harmonics.without_harmonics(spectra, np.full(spectra.heard_s.size, np.log(70.0)))
    found = doppler.search(harmonics.comb_map(left), TRACK, [TRACK], np.zeros(1), C_MPS)
    assert found.score < 6.0


@pytest.mark.parametrize("speed_mps", [8.0, 14.0, 24.0])
def test_the_fit_gives_the_speed_that_a_vague_belief_lacked(speed_mps: float) -> None:
    track = replace(TRACK, speed_mps=speed_mps)
    signal = passing_engine(track, 70.0, 0.0, 0.3)
    mean = np.array([np.log(speed_mps / 6.0 * 1.1), 2.5, 0.0, np.log(6.0 * 1.1)])
    prior = doppler.Belief(mean, np.diag([0.2, 0.1, 0.2, 0.15]) ** 2)
    found = doppler.Harmonic(track, 50.0, 0.0, float(np.log(70.0)))
    rates = harmonics.measure_rates(signal, RATE, track, C_MPS, 0.0, found.log_hz)
    fit = doppler.fit(rates, prior, found, C_MPS)
    log_speed, sigma = fit.belief.log_speed
    assert np.exp(log_speed) == pytest.approx(speed_mps, rel=0.04)
    assert sigma < 0.07
    assert abs(log_speed - np.log(speed_mps)) < 3.0 * sigma
    assert doppler.doppler_evidence(rates, prior, fit, C_MPS) > 10.0


def test_frames_hear_a_wandering_engine_as_smooth_as_its_covariance_says() -> None:
    """Steps from frame to frame are those of means that overlap, a third of those of instants."""
    random = np.random.default_rng(12)
    wander = doppler.Wander(0.003, 0.25)
    still = replace(TRACK, speed_mps=0.01)
    keep = float(np.exp(-1.0 / (RATE * wander.memory_s)))
    steps = []
    for _ in range(8):
        pushes = random.normal(size=6 * RATE) * wander.size * np.sqrt(1.0 - keep**2)
        rate_hz = 70.0 * (1.0 + lfilter([1.0], [1.0, -keep], pushes)[RATE:])
        turns = np.cumsum(rate_hz) / RATE
        signal = np.sum([np.sin(2 * np.pi * k * turns) / k for k in range(1, 13)], axis=0)
        noisy = signal + 0.05 * random.normal(size=signal.size)
        rates = harmonics.measure_rates(noisy, RATE, still, C_MPS, 0.0, np.log(70.0))
        steps.append(np.diff(rates.log_hz))
    expected = wander.covariance(2)
    assert np.var(steps) == pytest.approx(2.0 * (expected[0, 0] - expected[0, 1]), rel=0.5)


def test_a_standing_engine_is_no_evidence_for_a_shift() -> None:
    still = replace(TRACK, speed_mps=0.01)
    signal = passing_engine(still, 70.0, 0.0, 0.3)
    prior = doppler.Belief(
        np.array([np.log(14.0 / 6.0), 2.5, 0.0, np.log(6.0)]), np.diag([0.2, 0.1, 0.2, 0.15]) ** 2
    )
    found = doppler.Harmonic(TRACK, 50.0, 0.0, float(np.log(70.0)))
    rates = harmonics.measure_rates(signal, RATE, still, C_MPS, 0.0, found.log_hz)
    fit = doppler.fit(rates, prior, found, C_MPS)
    assert doppler.doppler_evidence(rates, prior, fit, C_MPS) < 0.0


def test_a_distance_that_was_measured_wrongly_gives_way() -> None:
    """A quarter too far, said with an uncertainty of 7 %: the shift knows better."""
    signal = passing_engine(TRACK, 70.0, 0.0, 0.3)
    rate = float(np.log(TRACK.speed_mps / TRACK.slant_m))
    mean = np.array([rate, TRACK.heard_s, 0.0, np.log(1.25 * TRACK.slant_m)])
    prior = doppler.Belief(mean, np.diag([0.01, 0.01, 0.1, 0.07]) ** 2)
    found = doppler.Harmonic(TRACK, 50.0, 0.0, float(np.log(70.0)))
    rates = harmonics.measure_rates(signal, RATE, TRACK, C_MPS, 0.0, found.log_hz)
    log_speed, sigma = doppler.fit(rates, prior, found, C_MPS).belief.log_speed
    error = log_speed - np.log(TRACK.speed_mps)
    assert abs(error) < 0.05
    assert abs(error) < 3.0 * sigma


def test_a_change_of_speed_makes_the_nearest_point_uncertain() -> None:
    """Front and rear of a vehicle pass it at different speeds."""
    covariance = np.diag([0.02, 0.01, 0.01, 0.02]) ** 2
    steady = doppler.Belief(np.array([0.5, 2.0, 0.0, 1.8]), covariance)
    braking = doppler.Belief(np.array([0.5, 2.0, -0.3, 1.8]), covariance)
    assert braking.log_speed[0] == steady.log_speed[0]
    assert braking.log_speed[1] > steady.log_speed[1]
