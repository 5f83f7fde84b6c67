"""Cross-spectra of two microphones and the evidence for delays in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, spline_filter1d

from sensor.passby.geometry import FloatArray, Geometry, Track, arrival_offsets_s, heard

# A quiet moment sets the noise; this part of the frames is taken to be quiet.
_QUIET_PART = 0.15
# The mean of the quietest part lies this much below the mean of noise that never changes.
_QUIET_BIAS = 1.15
# One loud moment must not silence the rest of the track: weights saturate here.
_HEAVIEST = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class CrossSpectra:
    """Weighted phases between two channels.

    Parameters
    ----------
    time_s : ndarray, shape (frames,)
        Middle of each frame.
    hz : ndarray, shape (bins,)
    phasor : ndarray, shape (frames, bins), complex
        Direction of the cross-spectrum; shorter than 1 where neighbouring bins disagree.
    weight : ndarray, shape (frames, bins)
        Inverse variance of the phase, up to a factor.
    """

    time_s: FloatArray
    hz: FloatArray
    phasor: NDArray[np.complex128]
    weight: FloatArray

    def below(self, highest_hz: float) -> CrossSpectra:
        """The bins up to `highest_hz`."""
        use = self.hz <= highest_hz
        return CrossSpectra(self.time_s, self.hz[use], self.phasor[:, use], self.weight[:, use])

    def merged(self, bins: int) -> CrossSpectra:
        """Every `bins` neighbours joined."""
        count = self.hz.size // bins
        shape = (self.time_s.size, count, bins)
        weight = self.weight[:, : count * bins].reshape(shape)
        phasor = self.phasor[:, : count * bins].reshape(shape) * weight
        total = weight.sum(axis=2)
        hz = self.hz[: count * bins].reshape(count, bins).mean(axis=1)
        return CrossSpectra(self.time_s, hz, phasor.sum(axis=2) / np.maximum(total, 1e-12), total)


def cross_spectra(
    sound: FloatArray, sample_rate: int, frame_s: float, band_hz: tuple[float, float]
) -> CrossSpectra:
    """Phases between the channels of `sound`, shape (frames, 2), weighted as they deserve.

    For two sensors of equal signal-to-noise ratio s in each bin, the inverse variance of the
    phase is gamma^2 / (1 - gamma^2) with gamma = s / (1 + s) (Knapp and Carter, 1976).
    """
    size = int(2 ** np.round(np.log2(frame_s * sample_rate)))
    starts = np.arange(0, sound.shape[0] - size + 1, size // 2)
    channels = np.ascontiguousarray(sound.T)
    frames = sliding_window_view(channels, size, axis=1)[:, :: size // 2]
    spectra = np.fft.rfft(frames * np.hanning(size), axis=2)
    hz = np.asarray(np.fft.rfftfreq(size, 1.0 / sample_rate), dtype=np.float64)
    band = (hz >= band_hz[0]) & (hz <= band_hz[1])
    first, second = spectra[:, :, band]
    snr = _signal_to_noise(0.5 * (np.abs(first) ** 2 + np.abs(second) ** 2))
    weight = snr**2 / (1.0 + 2.0 * snr)
    cross = np.conj(first) * second
    return CrossSpectra(
        (starts + size / 2) / sample_rate,
        hz[band],
        cross / np.maximum(np.abs(cross), 1e-30),
        weight / (1.0 + weight / _HEAVIEST),
    )


def _signal_to_noise(power: FloatArray) -> FloatArray:
    """Ratio of each bin's power, less noise, to the noise of quiet moments in that bin."""
    padded = np.pad(power, 1, mode="edge")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    smooth = (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / 9.0
    noise = np.quantile(smooth, _QUIET_PART, axis=0) * _QUIET_BIAS
    return np.asarray(np.maximum(smooth / np.maximum(noise, 1e-30) - 1.0, 0.0))


@dataclass(frozen=True, slots=True, eq=False)
class DelayMap:
    """Evidence for each delay of channel 1 after channel 0, at each time.

    `time_s` (frames,), `delay_s` (delays,) evenly spaced, `score` (frames, delays) in units in
    which the sum along any track has variance 1 by chance.
    """

    time_s: FloatArray
    delay_s: FloatArray
    score: FloatArray

    @property
    def standing(self) -> float:
        """Evidence for something that stands still: the best sum at one delay."""
        return float(np.max(np.sum(self.score, axis=0)))

    def moving(self) -> DelayMap:
        """The map without what is there all the time: machines, and noise from everywhere."""
        usual = np.maximum(np.median(self.score, axis=0), 0.0)
        return DelayMap(self.time_s, self.delay_s, self.score - usual)

    def without(self, first_s: FloatArray, last_s: FloatArray) -> DelayMap:
        """The map with nothing between two tracks of delays, shapes (frames,)."""
        low, high = np.minimum(first_s, last_s), np.maximum(first_s, last_s)
        inside = (self.delay_s >= low[:, np.newaxis]) & (self.delay_s <= high[:, np.newaxis])
        return DelayMap(self.time_s, self.delay_s, np.where(inside, 0.0, self.score))

    def along(self, delay_s: FloatArray) -> FloatArray:
        """Scores along tracks of delays, shape (..., frames), from the nearest cells."""
        return np.asarray(self.score[np.arange(self.time_s.size), self._nearest(delay_s)])

    def along_shifted(self, delay_s: FloatArray, stride: int) -> FloatArray:
        """Sums along one track of delays, nearest at every `stride`-th frame.

        `delay_s`, shape (2 * frames - 1,), is the track as seen from a nearest point in the
        middle.
        """
        frames = self.time_s.size
        seen = sliding_window_view(self._nearest(delay_s), frames)[::-stride]
        return np.asarray(self.score[np.arange(frames), seen].sum(axis=1))

    def _nearest(self, delay_s: FloatArray) -> NDArray[np.intp]:
        """Nearest columns to delays."""
        step_s = self.delay_s[1] - self.delay_s[0]
        index = np.rint((delay_s - self.delay_s[0]) / step_s).astype(np.intp)
        return np.asarray(np.clip(index, 0, self.delay_s.size - 1))


def delay_map(spectra: CrossSpectra, longest_s: float) -> DelayMap:
    """Evidence for delays up to `longest_s` either way."""
    step_s = 0.1 / spectra.hz[-1]
    half = int(np.ceil(longest_s / step_s))
    delay_s = np.arange(-half, half + 1) * step_s
    steering = np.exp(2j * np.pi * np.outer(spectra.hz, delay_s))
    chance = np.sqrt(max(0.5 * float(np.sum(spectra.weight**2)), 1e-30))
    score = ((spectra.weight * spectra.phasor) @ steering).real / chance
    return DelayMap(spectra.time_s, delay_s, score)


def delays_of_s(
    track: Track, time_s: FloatArray, geometry: Geometry, yaw_rad: float = 0.0
) -> FloatArray:
    """Delay of channel 1 after channel 0 that `track` gives when heard at `time_s`."""
    state = heard(track, time_s, geometry.c_mps)
    first_s, second_s = arrival_offsets_s(track, state, geometry, yaw_rad)
    return second_s - first_s


def shift_along(
    sound: FloatArray, sample_rate: int, track: Track, geometry: Geometry, yaw_rad: float
) -> FloatArray:
    """Both channels as the middle between them would hear the source, shape (frames, 2)."""
    time_s = np.arange(sound.shape[0]) / sample_rate
    # The offsets change slowly: every sixteenth sample is solved, the others lie on a line.
    coarse_s = time_s[::16]
    state = heard(track, coarse_s, geometry.c_mps)
    shifted = np.empty_like(sound)
    for channel, offset_s in enumerate(arrival_offsets_s(track, state, geometry, yaw_rad)):
        index = (time_s + np.interp(time_s, coarse_s, offset_s)) * sample_rate
        spline = spline_filter1d(sound[:, channel], order=3)
        shifted[:, channel] = map_coordinates(
            spline, index[np.newaxis], order=3, prefilter=False, mode="nearest"
        )
    return shifted
