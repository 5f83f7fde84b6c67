"""The rise and fall of the level as something passes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sensor.passby.geometry import FloatArray, Track
from sensor.passby.least_squares import bounded_influence, least_squares

_FRAME_S = 0.05
_BAND_HZ = (150.0, 2500.0)
# Half a decade each way about the rates of street traffic at some metres.
_START_RATES_PER_S = (0.7, 2.0, 6.0)
_SPREAD_DB = 2.0
# Seen against the delays, the level of one vehicle is usually this much broader (background), and
# broader still, or early or late in units of R / v, by less than this.
_BROADER, _APART = 0.2, 0.47
# The loudest part of a vehicle may sit this far from the part that the delays follow.
_LOUDEST_PART_M = 1.3


@dataclass(frozen=True, slots=True)
class LevelCourse:
    """A pass-by as its level shows it.

    Parameters
    ----------
    rate_per_s : float
        Angular rate v / R at the nearest point.
    heard_s : float
        When the nearest point is heard.
    rise_db : float
        Level at the nearest point above the background that fits best.
    shape_error_db : float
        Root mean square of what the shape leaves unexplained.
    """

    rate_per_s: float
    heard_s: float
    rise_db: float
    shape_error_db: float


def broader_than_one(course: LevelCourse, track: Track) -> bool:
    """Whether the level rises and falls as more than the one vehicle on `track` does.

    Two that follow each other closely are one track to microphones that are close together, but
    their level peaks elsewhere, between them, or stays up for longer.
    """
    rate_per_s = track.speed_mps / track.slant_m
    broader = max(np.log(rate_per_s / course.rate_per_s) - _BROADER, 0.0)
    units = (course.heard_s - track.heard_s) * rate_per_s
    return bool(np.hypot(broader, units) > _APART * (1.0 + _LOUDEST_PART_M / track.slant_m))


def level_course(signal: FloatArray, sample_rate: float) -> LevelCourse:
    """Fit ``A / (1 + (q t)^2) + N`` to the power of `signal`, shape (samples,)."""
    time_s, level_db = _levels(signal, sample_rate)
    smooth_db = np.convolve(level_db, np.full(5, 0.2), "same")
    loudest_s = time_s[2:-2][int(np.argmax(smooth_db[2:-2]))]
    quiet_db = float(np.quantile(level_db, 0.1))
    rise_db = float(smooth_db[2:-2].max()) - quiet_db

    def model_db(parameters: FloatArray) -> FloatArray:
        p = np.clip(parameters, -300.0, 300.0)
        u = np.exp(np.clip(p[0], -4.0, 4.0)) * (time_s - p[1])
        return np.asarray(10.0 * np.log10(10 ** (p[2] / 10.0) / (1.0 + u**2) + 10 ** (p[3] / 10.0)))

    def residuals(p: FloatArray) -> FloatArray:
        return bounded_influence((level_db - model_db(p)) / _SPREAD_DB)

    starts = [
        np.array([np.log(rate), loudest_s, quiet_db + rise_db, quiet_db])
        for rate in _START_RATES_PER_S
    ]
    scale = np.array([0.2, 0.1, 1.0, 1.0])
    best = min((least_squares(residuals, s, scale, 20) for s in starts), key=lambda s: s.cost)
    p = best.parameters
    left_db = level_db - model_db(p)
    return LevelCourse(
        rate_per_s=float(np.exp(np.clip(p[0], -4.0, 4.0))),
        heard_s=float(p[1]),
        rise_db=float(p[2] - max(p[3], quiet_db)),
        shape_error_db=float(np.sqrt(np.mean(left_db**2))),
    )


def _levels(signal: FloatArray, sample_rate: float) -> tuple[FloatArray, FloatArray]:
    from scipy.signal import butter, sosfilt  # noqa: PLC0415 - see sensor/acoustics/filtering.py: costs seconds and 80 MB

    band = butter(2, _BAND_HZ, btype="bandpass", fs=sample_rate, output="sos")
    size = int(_FRAME_S * sample_rate)
    frames = signal.size // size
    power = np.mean(sosfilt(band, signal)[: frames * size].reshape(frames, size) ** 2, axis=1)
    # Digital silence would pull the fit to minus infinity.
    floor = max(float(power.max()), 1e-30) * 1e-7
    time_s = np.asarray((np.arange(frames) + 0.5) * size / sample_rate, dtype=np.float64)
    return time_s, np.asarray(10.0 * np.log10(power + floor), dtype=np.float64)
