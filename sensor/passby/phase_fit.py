"""The track of one source, or of two axles, that fits the phases between two microphones.

Both channels are shifted along a track that is nearly right, so that what is left of the delay is
small and hardly changes; then the phases that are left are fitted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sensor.passby.delays import CrossSpectra, cross_spectra, delays_of_s, shift_along
from sensor.passby.geometry import FloatArray, Geometry, Track, arrival_offsets_s, heard
from sensor.passby.least_squares import Solution, least_squares

# Cars: 2.3 to 2.95 m; moped cars and vans are why it is not taken for closer.
WHEELBASE_M, WHEELBASE_UNCERTAINTY = 2.65, 0.13
_FRAME_S = 0.064
_BAND_HZ = (150.0, 7000.0)
# Bins are joined while the delay between two axles turns them little: this many per metre.
_MERGED_BINS_M, _MOST_MERGED_BINS = 4.0, 16
_BLOCK_BINS = 10
# Phases are fitted from low frequencies, where they cannot be a turn off, to high ones; before
# the first and the last step the channels are shifted anew.
_STEPS_HZ = ((1800.0, 4000.0), (7000.0,))
_ITERATIONS = 8
# Neighbouring frames and bins share their reflections in the road, so they err together: they
# count as this part of as many independent ones.
_INDEPENDENT_PART = 0.03
_ACCELERATION_MPS2 = 1.2
_AXLE_BALANCE = 0.7
# Standard uncertainties of the model itself: rate (log), time (in R / v), acceleration.
_RATE_FLOOR = 0.005
_ECHO_M = 0.0008
_TIME_FLOOR = 0.01
_ACCELERATION_FLOOR_MPS2 = 0.15
_NOTHING = 1e-9
_LOG_RATES = (-7.0, 4.0)


@dataclass(frozen=True, slots=True, eq=False)
class StereoFit:
    """What two microphones tell of a pass-by.

    Parameters
    ----------
    track : Track
        At the distance that was assumed.
    yaw_rad : float
        Angle between microphones and road that fits best.
    wheelbase_m : float
        Distance of the axles, were the distance right; 0 for a single source.
    covariance : ndarray, shape (3, 3)
        Of the logarithm of the angular rate, the time of the nearest point (s) and the
        acceleration over the distance (1/s2).
    explained : float
        Part of the weighted phases that the track explains, 0 to 1.
    likeness : float
        The same, were each frequency as coherent as it happens to be.  One source in echoes is
        less coherent at high frequencies, and so are two axles: only what their beats explain
        in time tells them apart, and this counts nothing else.
    """

    track: Track
    yaw_rad: float
    wheelbase_m: float
    covariance: FloatArray
    explained: float
    likeness: float


@dataclass(frozen=True, slots=True, eq=False)
class Locked:
    """Cross-spectra after both channels were shifted along a track.

    `base_s` (frames,) are the delays that the shift has taken out.
    """

    spectra: CrossSpectra
    base_s: FloatArray

    def below(self, highest_hz: float) -> Locked:
        """The bins up to `highest_hz`."""
        return Locked(self.spectra.below(highest_hz), self.base_s)


def lock_on(
    sound: FloatArray, sample_rate: int, track: Track, geometry: Geometry, yaw_rad: float = 0.0
) -> Locked:
    """Shift `sound`, shape (frames, 2), along `track`."""
    shifted = shift_along(sound, sample_rate, track, geometry, yaw_rad)
    spectra = cross_spectra(shifted, sample_rate, _FRAME_S, _BAND_HZ)
    bins = int(_MERGED_BINS_M / (geometry.spacing_m or 1.0))
    merged = spectra.merged(min(max(1, bins), _MOST_MERGED_BINS))
    return Locked(merged, delays_of_s(track, merged.time_s, geometry, yaw_rad))


class PhaseFit:
    """Least squares of the phases left after both channels were shifted along a track.

    Parameters are: logarithm of the angular rate, time of the nearest point, acceleration, yaw,
    and of two axles wheelbase and the logarithm of front over rear loudness.
    """

    def __init__(
        self,
        sound: FloatArray,
        sample_rate: int,
        geometry: Geometry,
        start: Track,
        wheelbase_m: float,
    ) -> None:
        self._sound, self._rate, self._geometry = sound, sample_rate, geometry
        self._slant_m, self._direction = start.slant_m, start.direction
        self._axles = wheelbase_m > 0.0
        # A single source has the first four parameters only.
        self._used = 6 if self._axles else 4
        yaw = np.deg2rad(geometry.yaw_uncertainty_deg)
        wide = 2.0 * WHEELBASE_UNCERTAINTY * wheelbase_m
        rate = np.log(start.speed_mps / start.slant_m)
        begin = [rate, start.heard_s, start.acceleration_mps2, 0.0, wheelbase_m, 0.0]
        sigma = [np.inf, np.inf, _ACCELERATION_MPS2, yaw, wide, _AXLE_BALANCE]
        self._start = np.array(begin[: self._used])
        self._sigma = np.array(sigma[: self._used])
        self._prior = np.array([0.0, 0.0, 0.0, 0.0, wheelbase_m, 0.0])[: self._used]

    def solve(self, first: Locked) -> StereoFit:
        """Fit from low to high frequencies, shifting the channels anew for the last step.

        `first` is the sound shifted along a track near the one to begin with.
        """
        steps = [0.05, 0.05 / np.exp(self._start[0]), 0.5, 0.02, 0.2, 0.3]
        scale = np.array(steps[: self._used])
        solution = Solution(self._start, np.inf, np.eye(scale.size))
        locked = first
        for shifted_anew, steps_hz in enumerate(_STEPS_HZ):
            if shifted_anew:
                locked = self._locked(solution.parameters)
            for highest_hz in steps_hz:
                residuals = partial(self._residuals, locked=locked.below(highest_hz))
                solution = least_squares(residuals, solution.parameters, scale, _ITERATIONS)
        return self._result(solution, locked)

    def _track(self, parameters: FloatArray) -> Track:
        # Least squares may try anything on its way, most of all where nothing moves.
        speed_mps = float(np.exp(np.clip(parameters[0], *_LOG_RATES))) * self._slant_m
        return Track(
            speed_mps, self._slant_m, float(parameters[1]), self._direction, float(parameters[2])
        )

    def _locked(self, parameters: FloatArray) -> Locked:
        track, yaw_rad = self._track(parameters), float(parameters[3])
        return lock_on(self._sound, self._rate, track, self._geometry, yaw_rad)

    def _model(self, parameters: FloatArray, locked: Locked) -> NDArray[np.complex128]:
        """Phasors expected: of one source, or the sum of two as loud as 1 / r^2 has them."""
        spectra, base_s = locked.spectra, locked.base_s
        track, yaw_rad = self._track(parameters), float(parameters[3])
        if not self._axles:
            left_s = delays_of_s(track, spectra.time_s, self._geometry, yaw_rad) - base_s
            return _turned(left_s, spectra.hz)
        total: NDArray[np.complex128] = np.zeros(spectra.weight.shape, dtype=np.complex128)
        loudness = np.zeros(spectra.time_s.size)
        half_m = float(parameters[4]) / 2.0
        for ahead_m, gain in ((half_m, float(np.exp(parameters[5]))), (-half_m, 1.0)):
            axle = track.ahead(ahead_m)
            state = heard(axle, spectra.time_s, self._geometry.c_mps)
            first_s, second_s = arrival_offsets_s(axle, state, self._geometry, yaw_rad)
            power = gain / state.range_m**2
            total += power[:, np.newaxis] * _turned(second_s - first_s - base_s, spectra.hz)
            loudness += power
        return total / loudness[:, np.newaxis]

    def _residuals(self, parameters: FloatArray, locked: Locked) -> FloatArray:
        root = np.sqrt(_INDEPENDENT_PART * locked.spectra.weight)
        apart = (root * (locked.spectra.phasor - self._model(parameters, locked))).ravel()
        prior = (parameters - self._prior)[2:] / self._sigma[2:]
        return np.concatenate((apart.real, apart.imag, prior))

    def _result(self, solution: Solution, locked: Locked) -> StereoFit:
        parameters, spectra = solution.parameters, locked.spectra
        model = self._model(parameters, locked)
        match = np.sum(spectra.weight * (spectra.phasor * np.conj(model)).real, axis=0)
        size = np.sum(spectra.weight * np.abs(model) ** 2, axis=0)
        weight = max(float(np.sum(spectra.weight)), 1e-30)
        whole = float(np.sum(match))
        explained = whole * abs(whole) / max(float(np.sum(size)) * weight, 1e-30)
        alike = np.maximum(match, 0.0) ** 2 / np.maximum(size, 1e-30)
        track = self._track(parameters)
        return StereoFit(
            track=track,
            yaw_rad=float(parameters[3]),
            wheelbase_m=float(parameters[4]) if self._axles else 0.0,
            covariance=self._covariance(solution, track, explained),
            explained=explained,
            likeness=float(np.sum(alike)) / weight,
        )

    def _covariance(self, solution: Solution, track: Track, explained: float) -> FloatArray:
        to_state = np.diag([1.0, 1.0, 1.0 / self._slant_m])
        # Where nothing is heard, everything stays possible.
        information = solution.information + _NOTHING * np.eye(solution.parameters.size)
        formal = to_state @ np.linalg.inv(information)[:3, :3] @ to_state
        # Echoes shift delays by microseconds, whatever the spacing, and most in weak sound.
        spacing_m = self._geometry.spacing_m or 1.0
        echoes = _ECHO_M / (spacing_m * np.sqrt(max(explained, 0.01)))
        floor = np.array(
            [
                _RATE_FLOOR + echoes,
                _TIME_FLOOR * self._slant_m / track.speed_mps,
                _ACCELERATION_FLOOR_MPS2 / self._slant_m,
            ]
        )
        return np.asarray(formal + np.diag(floor**2), dtype=np.float64)


def _turned(delay_s: FloatArray, hz: FloatArray) -> NDArray[np.complex128]:
    """Phasors of `delay_s` at evenly spaced `hz`.

    Exponentials cost most of a fit: each is a product of one for its block and one within it.
    """
    blocks = -(-hz.size // _BLOCK_BINS)
    turn = -2j * np.pi * delay_s[:, np.newaxis]
    coarse = np.exp(turn * hz[::_BLOCK_BINS])
    fine = np.exp(turn * (hz[:_BLOCK_BINS] - hz[0]))
    turned = coarse[:, :, np.newaxis] * fine[:, np.newaxis, :]
    return np.asarray(turned.reshape(delay_s.size, blocks * fine.shape[1])[:, : hz.size])


def state_of(track: Track) -> FloatArray:
    """Logarithm of the angular rate, time of the nearest point, acceleration over distance."""
    rate = np.log(track.speed_mps / track.slant_m)
    return np.array([rate, track.heard_s, track.acceleration_mps2 / track.slant_m])
