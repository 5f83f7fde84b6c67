"""Speed from the readings of a Doppler radar beside the road.

A radar sees the component along its line of sight: v_r = v x / sqrt(x^2 + R^2).  Instead of one
fixed angle the whole course is fitted, so the readings themselves say where the vehicle was.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

import numpy as np

from sensor.passby.geometry import FloatArray, Geometry
from sensor.passby.least_squares import Solution, bounded_influence, least_squares
from sensor.passby.results import SpeedEstimate, SpeedRefused, estimated, refused

_LEAST_READINGS = 4
_LEAST_KMH = 3.0
# Steps of 0.22 km/h and the spread of reflecting parts along a vehicle.
_READING_SIGMA_MPS = 0.35
# The clock of the readings, as they come over the serial line, against the sound's.
_ACCURACY = 0.007
_LEAST_COSINE_SEEN = 0.7
_WIDEST_LOG_SIGMA = 0.12


class RadialSpeed(Protocol):
    """A reading of a radar: a speed along its line of sight."""

    @property
    def time(self) -> datetime: ...
    @property
    def speed_kmh(self) -> float: ...
    @property
    def direction(self) -> Literal["inbound", "outbound"] | None: ...


def radar_speed(
    readings: Sequence[RadialSpeed], start: datetime, geometry: Geometry
) -> SpeedEstimate | SpeedRefused:
    """Fit the speed of one pass to `readings`; times count from `start`."""
    used = [reading for reading in readings if reading.speed_kmh >= _LEAST_KMH]
    if len(used) < _LEAST_READINGS:
        return refused("no_vehicle")
    time_s = np.array([(reading.time - start).total_seconds() for reading in used])
    speed_mps = np.array([reading.speed_kmh / 3.6 for reading in used])
    sign = np.array([{"inbound": -1.0, "outbound": 1.0}.get(r.direction or "", 0.0) for r in used])
    log_slant = np.array([np.log(geometry.slant_m(direction)) for direction in (1, -1)])
    apart = abs(log_slant[0] - log_slant[1]) / 2.0
    sigma = np.hypot(max(geometry.slant_log_uncertainty(d) for d in (1, -1)), apart)
    prior = np.array([float(log_slant.mean()), float(sigma)])
    solution = _fit(time_s, speed_mps, sign, prior)
    return _judged(solution, time_s, speed_mps)


def _fit(
    time_s: FloatArray, speed_mps: FloatArray, sign: FloatArray, prior: FloatArray
) -> Solution:
    """Least squares over log speed, time of the nearest point, log distance and acceleration."""

    def residuals(p: FloatArray) -> FloatArray:
        radial_mps = _radial_mps(p, time_s)
        # Without a sign only the size of the radial speed is known.
        expected = np.where(sign == 0.0, np.abs(radial_mps), sign * radial_mps)
        left = (speed_mps - expected) / _READING_SIGMA_MPS
        return np.concatenate((bounded_influence(left), [(p[2] - prior[0]) / prior[1], p[3] / 1.2]))

    fastest = np.log(max(float(np.quantile(speed_mps, 0.9)), 0.5))
    starts = [
        np.array([fastest, nearest_s, prior[0], 0.0])
        for nearest_s in np.linspace(time_s[0] - 0.5, time_s[-1] + 0.5, 9)
    ]
    scale = np.array([0.05, 0.1, 0.05, 0.3])
    return min((least_squares(residuals, s, scale, 25) for s in starts), key=lambda s: s.cost)


def _radial_mps(p: FloatArray, time_s: FloatArray) -> FloatArray:
    after_s = time_s - p[1]
    speed = np.exp(np.clip(p[0], -3.0, 5.0)) + p[3] * after_s
    along_m = (np.exp(np.clip(p[0], -3.0, 5.0)) + 0.5 * p[3] * after_s) * after_s
    slant_m = np.exp(np.clip(p[2], -2.0, 5.0))
    return np.asarray(speed * along_m / np.sqrt(along_m**2 + slant_m**2))


def _judged(
    solution: Solution, time_s: FloatArray, speed_mps: FloatArray
) -> SpeedEstimate | SpeedRefused:
    p = solution.parameters
    speed = float(np.exp(p[0]))
    if float(np.max(np.abs(_radial_mps(p, time_s)))) < _LEAST_COSINE_SEEN * speed:
        return refused("too_uncertain")
    degrees = max(time_s.size - p.size, 1)
    spread = float(np.median(np.abs(speed_mps - np.abs(_radial_mps(p, time_s)))))
    if spread > 4.0 * _READING_SIGMA_MPS:
        return refused("two_vehicles")
    excess = max(1.0, 2.0 * solution.cost / degrees)
    variance = float(np.linalg.inv(solution.information)[0, 0]) * excess
    sigma = float(np.hypot(np.sqrt(variance), _ACCURACY))
    if sigma > _WIDEST_LOG_SIGMA:
        return refused("too_uncertain")
    return estimated(float(p[0]), sigma, None, "radar", float(p[1]))
