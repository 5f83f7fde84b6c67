"""Engine harmonics in the sound of something that moves, and the rate they are heard at."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, spline_filter1d

from sensor.passby.geometry import FloatArray, Track, heard

ANALYSIS_RATE = 6000
_FRAME_S = 0.17
_HIGHEST_HZ = 1800.0
_COMB_HZ = (28.0, 220.0)
_LOG_STEP = 0.002
_FLOOR_HZ = 120.0
_LINE_HALF_HZ = 14.0
# Noise of unit power is this in the mean of the comb's clipped levels: exp(E1(1)).  Anything else
# in place of a line that is taken out would look like an engine a little beside it.
_NEUTRAL_POWER = 1.245
_HALF_ORDERS_HZ = 500.0
_LOCK_FRAME_S = 0.25
# An engine does not turn backwards, whatever least squares may try.
_LEAST_RATE = 0.2
_REACH = 0.02
# Overlapping, windowed frames know less than their powers claim.
_OVERLAP = 2.25
RATE_HOP_S = _LOCK_FRAME_S / 4.0
"""Frames in which rates are measured are this far apart, on the engine's own clock."""
_RESPONSE_POINTS = 33


def log_drift(drift_per_s: float, emission_s: FloatArray) -> FloatArray:
    """Logarithm of the engine's rate against that at the nearest point, for a steady drift.

    The rate is linear in time, as it is in gear under constant acceleration.
    """
    return np.asarray(np.log(np.maximum(1.0 + drift_per_s * emission_s, _LEAST_RATE)))


@dataclass(frozen=True, slots=True, eq=False)
class Warped:
    """Sound on the clock of its source.

    `heard_s` tells when each sample of `signal` was heard; samples are `1 / rate` apart in the
    source's own time, which `drift_per_s` speeds up or slows down about the nearest point.
    """

    signal: FloatArray
    heard_s: FloatArray
    rate: float


def warp(
    signal: FloatArray, rate: float, track: Track, c_mps: float, drift_per_s: float = 0.0
) -> Warped:
    """Undo the Doppler shift of `track` and a steady drift of the engine's rate.

    The loudness is evened out, too: pressure falls with distance.
    """
    duration_s = signal.size / rate
    coarse_s = np.linspace(0.0, duration_s, int(duration_s * 100) + 1)
    state = heard(track, coarse_s, c_mps)
    engine_s = state.emission_s + 0.5 * drift_per_s * state.emission_s**2
    grid_s = np.arange(np.ceil(engine_s[0] * rate), np.floor(engine_s[-1] * rate)) / rate
    heard_s = np.interp(grid_s, engine_s, coarse_s)
    spline = spline_filter1d(signal, order=3)
    shifted = map_coordinates(spline, heard_s[np.newaxis] * rate, order=3, prefilter=False)
    loud = np.interp(heard_s, coarse_s, state.range_m / track.slant_m)
    return Warped(shifted * np.minimum(loud, 6.0), heard_s, rate)


@dataclass(frozen=True, slots=True, eq=False)
class LineSpectra:
    """Spectra of frames, each bin in units of the noise about it.

    `heard_s` (frames,), `hz` (bins,), `power` and `noise` (frames, bins): the latter is that noise
    in the unit of the sound.
    """

    heard_s: FloatArray
    hz: FloatArray
    power: FloatArray
    noise: FloatArray

    def during(self, frames: NDArray[np.bool_]) -> LineSpectra:
        """Some of the frames, shape (frames,)."""
        return LineSpectra(self.heard_s[frames], self.hz, self.power[frames], self.noise[frames])

    def above_noise(self, bins: NDArray[np.intp]) -> FloatArray:
        """Power above the noise, in the unit of the sound, at some bins of each frame."""
        return np.take_along_axis((self.power - 1.0) * self.noise, bins, axis=1)


def line_spectra(warped: Warped, frame_s: float = _FRAME_S, padding: int = 2) -> LineSpectra:
    """Whitened power spectra of overlapping frames."""
    size = int(frame_s * warped.rate)
    hop = size // 4
    starts = np.arange(0, warped.signal.size - size + 1, hop)
    frames = warped.signal[starts[:, np.newaxis] + np.arange(size)] * np.hanning(size)
    padded = int(2 ** np.ceil(np.log2(padding * size)))
    power = np.abs(np.fft.rfft(frames, padded, axis=1)) ** 2
    hz = np.asarray(np.fft.rfftfreq(padded, 1.0 / warped.rate), dtype=np.float64)
    keep = hz <= _HIGHEST_HZ
    power = power[:, keep]
    noise = np.maximum(_noise_floor(power, int(_FLOOR_HZ / hz[1])), 1e-30)
    return LineSpectra(warped.heard_s[starts + size // 2], hz[keep], power / noise, noise)


def _noise_floor(power: FloatArray, width: int) -> FloatArray:
    """Power between the lines: medians over `width` bins, joined by straight lines.

    The median of an exponential distribution is ln 2 of its mean.
    """
    blocks = power.shape[1] // width
    medians = np.median(power[:, : blocks * width].reshape(-1, blocks, width), axis=2) / np.log(2.0)
    position = (np.arange(power.shape[1]) + 0.5) / width - 0.5
    low = np.clip(position.astype(np.intp), 0, blocks - 2)
    part = np.clip(position - low, 0.0, 1.0)
    return np.asarray(medians[:, low] * (1.0 - part) + medians[:, low + 1] * part)


def without_harmonics(spectra: LineSpectra, log_hz: FloatArray) -> LineSpectra:
    """The spectra without the lines of an engine, half orders too; `log_hz` (frames,).

    What is taken out becomes the mean of noise to the comb, and nothing in the unit of the sound.
    """
    half_hz = 0.5 * np.exp(log_hz)[:, np.newaxis]
    off_hz = np.abs(spectra.hz - half_hz * np.rint(spectra.hz / half_hz))
    # Half orders are weak and low ones only: higher up they would leave nothing.
    whole = np.abs(spectra.hz - 2.0 * half_hz * np.rint(spectra.hz / (2.0 * half_hz)))
    away_hz = np.where(spectra.hz < _HALF_ORDERS_HZ, off_hz, whole)
    taken = away_hz < _LINE_HALF_HZ
    return replace(
        spectra,
        power=np.where(taken, _NEUTRAL_POWER, spectra.power),
        noise=np.where(taken, 0.0, spectra.noise),
    )


@dataclass(frozen=True, slots=True, eq=False)
class CombMap:
    """Evidence for each engine rate at each time; `log_hz` is an even grid."""

    heard_s: FloatArray
    log_hz: FloatArray
    score: FloatArray

    def during(self, frames: NDArray[np.bool_]) -> CombMap:
        """Some of the frames, shape (frames,)."""
        return CombMap(self.heard_s[frames], self.log_hz, self.score[frames])

    def best_along(self, shift: FloatArray) -> tuple[float, float]:
        """Best sum of scores along ``rate + shift``, over all rates.

        Returns the sum over the square root of the number of frames, and the rate's logarithm.
        """
        steps = np.rint(shift / _LOG_STEP).astype(np.intp)
        reach = int(np.max(np.abs(steps)))
        width = self.log_hz.size - 2 * reach
        if width <= 0:
            return -np.inf, 0.0
        rows = sliding_window_view(self.score, width, axis=1)
        total = rows[np.arange(steps.size), reach + steps].sum(axis=0)
        best = int(np.argmax(total))
        return float(total[best] / np.sqrt(steps.size)), float(self.log_hz[reach + best])


def comb_map(spectra: LineSpectra) -> CombMap:
    """Mean level at the harmonics of each rate less the mean half-way between them."""
    log_hz = np.arange(np.log(_COMB_HZ[0]), np.log(_COMB_HZ[1]), _LOG_STEP)
    level = np.minimum(np.log(np.maximum(spectra.power, 1.0)), 5.0)
    rate_hz = np.exp(log_hz)
    step_hz = spectra.hz[1]
    total = np.zeros((level.shape[0], rate_hz.size))
    for order in range(1, 21):
        at, between = order * rate_hz / step_hz, (order - 0.5) * rate_hz / step_hz
        used = at < spectra.hz.size - 1
        total[:, used] += _between_bins(level, at[used]) - _between_bins(level, between[used])
    orders = np.minimum(20, np.floor(_HIGHEST_HZ / rate_hz))
    return CombMap(spectra.heard_s, log_hz, total / np.sqrt(orders))


def _between_bins(level: FloatArray, position: FloatArray) -> FloatArray:
    low = position.astype(np.intp)
    part = position - low
    return np.asarray(level[:, low] * (1.0 - part) + level[:, low + 1] * part)


@dataclass(frozen=True, slots=True, eq=False)
class Rates:
    """The engine's rate as it is heard, frame by frame.

    Parameters
    ----------
    heard_s : ndarray, shape (frames,)
    log_hz : ndarray, shape (frames,)
        Logarithm of the heard rate.
    sigma : ndarray, shape (frames,)
        Standard uncertainty of `log_hz` from the frame's own signal-to-noise ratio.
    """

    heard_s: FloatArray
    log_hz: FloatArray
    sigma: FloatArray


def frame_response() -> tuple[FloatArray, FloatArray]:
    """How a frame's rate weighs the rates within it, against how another frame's does.

    The rate of a line is the slope of its phase, fitted by least squares under the frame's window
    `w`; in terms of the rate itself that is a mean weighted by the integral of ``s w(s)`` from
    each instant on.

    Returns
    -------
    lag_s, weight : ndarray, shape (lags,)
        The autocorrelation of those weights, of sum 1: the covariance of two frames' rates is
        that of rates at instants `lag_s` further apart than the frames, in the mean of `weight`.
    """
    at = np.linspace(-0.5, 0.5, _RESPONSE_POINTS)
    response = np.cumsum((np.hanning(at.size) * at)[::-1])[::-1]
    weight = np.correlate(response, response, "full")
    lag_s = _LOCK_FRAME_S * np.linspace(-1.0, 1.0, weight.size)
    return lag_s, np.asarray(weight / weight.sum(), dtype=np.float64)


def measure_rates(
    signal: FloatArray, rate: float, track: Track, c_mps: float, drift_per_s: float, log_hz: float
) -> Rates:
    """Measure the engine's rate near the one that `track`, drift and `log_hz` predict.

    For a line of unknown phase in noise the log-likelihood is its power over the noise (Rife and
    Boorstyn, 1974); all harmonics' powers are added, and each rate is as likely as they say.
    """
    warped = warp(signal, rate, track, c_mps, drift_per_s)
    spectra = line_spectra(warped, _LOCK_FRAME_S, padding=4)
    left = np.arange(-_REACH, _REACH + 1e-9, 0.0005)
    orders = np.arange(1, int(_HIGHEST_HZ / np.exp(log_hz) / 1.03) + 1)
    position = np.outer(orders, np.exp(log_hz + left)) / spectra.hz[1]
    likelihood = _between_bins(spectra.power, position.ravel())
    likelihood = likelihood.reshape(-1, orders.size, left.size).sum(axis=1)
    # Where noise makes a second hill, the mean lies between and its variance says so.
    share = np.exp((likelihood - likelihood.max(axis=1, keepdims=True)) / _OVERLAP)
    share /= share.sum(axis=1, keepdims=True)
    mean = share @ left
    variance = share @ left**2 - mean**2
    state = heard(track, spectra.heard_s, c_mps)
    predicted = log_hz + log_drift(drift_per_s, state.emission_s) - np.log1p(state.range_rate)
    return Rates(spectra.heard_s, predicted + mean, np.sqrt(np.maximum(variance, 0.0)))
