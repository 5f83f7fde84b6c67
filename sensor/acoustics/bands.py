"""Third octaves, 25 Hz to 20 kHz (IEC 61260-1:2014, class 1), by short-time spectra.

The sound is cut into overlapping frames whose squared windows add up evenly, so that the energy of
all frames is the energy of the sound. A band takes the share of each frame's spectrum that lies
between its edges. Frames are long where bands are narrow: from 1 s at 25 Hz down to 62.5 ms from
400 Hz up; the low tiers read a decimated copy of the sound. There is no filter that rings, starts
up or could become unstable, and the bands' energies add up to that of the sound.

A frame's energy counts for the middle of its time (its cell). Cells tile the second, which is why
a band may follow a change within the second a little early or late, but never loses any of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sensor.acoustics.decimation import Decimator
from sensor.acoustics.grid import STEPS_PER_SECOND

Array = NDArray[np.float64]

OCTAVE_RATIO: Final = 10**0.3
NOMINAL_HZ: Final = (
    25.0, 31.5, 40.0, 50.0, 63.0, 80.0, 100.0, 125.0, 160.0, 200.0,
    250.0, 315.0, 400.0, 500.0, 630.0, 800.0, 1000.0, 1250.0, 1600.0, 2000.0,
    2500.0, 3150.0, 4000.0, 5000.0, 6300.0, 8000.0, 10000.0, 12500.0, 16000.0, 20000.0,
)  # fmt: skip
LOWEST_INDEX: Final = -16
# A band is offered while the sample rate leaves it all but 0.4 dB of its bandwidth.
LEAST_SHARE: Final = 10**-0.04

# Lowest nominal band, cells a second, and cells that a frame is long. Where bands are so narrow
# that a sound may cross one within a frame, frames overlap more.
TIERS: Final = ((0.0, 4, 4), (50.0, 8, 4), (100.0, 16, 4), (200.0, 16, 2), (400.0, 32, 2))


@dataclass(frozen=True, slots=True)
class Band:
    """One third octave: exact frequencies (5.4 to 5.6), and the nominal one that names it."""

    nominal_hz: float
    centre_hz: float
    lower_hz: float
    upper_hz: float


def third_octaves(sample_rate: int) -> tuple[Band, ...]:
    """Bands that a sample rate can carry, rising."""
    bands = []
    for number, nominal_hz in enumerate(NOMINAL_HZ):
        centre = 1000 * OCTAVE_RATIO ** ((LOWEST_INDEX + number) / 3)
        lower, upper = centre * OCTAVE_RATIO ** (-1 / 6), centre * OCTAVE_RATIO ** (1 / 6)
        if min(upper, sample_rate / 2) - lower >= LEAST_SHARE * (upper - lower):
            bands.append(Band(nominal_hz, centre, lower, upper))
    return tuple(bands)


class ThirdOctaveBank:
    """Band energies of a stream, second by second.

    Parameters
    ----------
    sample_rate : int

    Attributes
    ----------
    bands : tuple of Band
    """

    def __init__(self, sample_rate: int) -> None:
        self.bands = third_octaves(sample_rate)
        self._sample_rate = sample_rate
        self._analysis = SecondAnalysis(sample_rate, self.bands)
        steps = np.arange(STEPS_PER_SECOND + 1)
        self._step_borders = steps * sample_rate // STEPS_PER_SECOND
        self.reset()

    def reset(self) -> None:
        """Forget the stream."""
        self._parts: list[Array] = []
        self._silent = 0

    def process(self, pressure_pa: Array, first_step: int) -> Array:
        """Take in whole steps of sound.

        Parameters
        ----------
        pressure_pa : ndarray, shape (frames,)
        first_step : int
            Number of the first of them, counted from the beginning of the stream; without a gap
            after those given before.

        Returns
        -------
        ndarray, shape (steps, bands)
            Mean squares in the steps that are now known: all of a second 0.4 s after its end.
        """
        if not self._parts:
            begin = int(self._step_borders[first_step % STEPS_PER_SECOND])
            self._silent = self._analysis.reach + begin
            self._parts = [np.zeros(self._silent)]
        self._parts.append(pressure_pa)
        known = [np.zeros((0, len(self.bands)))]
        if sum(part.size for part in self._parts) >= self._analysis.frames:
            joined = np.concatenate(self._parts)
            while joined.size >= self._analysis.frames:
                known.append(self._second(joined))
                joined = joined[self._sample_rate :]
            self._parts = [joined.copy()]
        return np.concatenate(known)

    def flush(self) -> Array:
        """Mean squares in the steps not yet handed on, as if silence followed; then begin anew."""
        known = [np.zeros((0, len(self.bands)))]
        joined = np.concatenate(self._parts) if self._parts else np.zeros(0)
        while joined.size > self._analysis.reach:
            known.append(self._second(joined))
            joined = joined[self._sample_rate :]
        self.reset()
        return np.concatenate(known)

    def _second(self, signal: Array) -> Array:
        """Mean squares of those steps of a second that the signal reaches."""
        reach, needed = self._analysis.reach, self._analysis.frames
        begin, end = self._silent, min(signal.size, needed)
        if begin or end < needed:
            signal = _surrounded_by_silence(signal, begin, end, needed)
        self._silent = 0
        energies = self._analysis.mean_squares(signal[:needed], begin, end)
        reached = np.diff(np.clip(self._step_borders, max(0, begin - reach), end - reach))
        return energies[reached > 0]


class SecondAnalysis:
    """Mean squares of every band in the steps of one second: a pure function of the sound.

    Parameters
    ----------
    sample_rate : int
    bands : sequence of Band

    Attributes
    ----------
    reach : int
        Frames needed on either side of the second.
    frames : int
        Frames needed in all.
    """

    def __init__(self, sample_rate: int, bands: Sequence[Band]) -> None:
        self._decimator = Decimator(sample_rate)
        self.reach = 3 * sample_rate // 8 + 6 * self._decimator.factor
        self.frames = sample_rate + 2 * self.reach
        tops = [lowest for lowest, _, _ in TIERS[1:]] + [np.inf]
        self._tiers = []
        for (lowest, cells, overlap), top in zip(TIERS, tops, strict=True):
            members = [band for band in bands if lowest <= band.nominal_hz < top]
            slow = None if top == np.inf else self._decimator
            first_centre = self.reach + 0.5 * sample_rate / cells
            self._tiers.append(_Tier(sample_rate, cells, overlap, members, slow, first_centre))

    def mean_squares(self, signal: Array, begin: int = 0, end: int | None = None) -> Array:
        """Mean squares in each step of the second.

        Parameters
        ----------
        signal : ndarray, shape (frames,)
            The second with `reach` frames on either side.
        begin, end : int, optional
            Frames between which there is sound; the rest is silence that does not count.

        Returns
        -------
        ndarray, shape (8, bands)
        """
        copy = self._decimator.process(signal)
        end = self.frames if end is None else end
        parts = []
        for tier in self._tiers:
            cells = tier.mean_squares(copy if tier.slow else signal)
            if end - begin < self.frames:
                cells = tier.of_present(cells, begin, end)
            parts.append(_by_steps(cells))
        return np.concatenate(parts, axis=1)


class _Tier:
    """Bands that share a length of frame."""

    def __init__(
        self,
        sample_rate: int,
        cells: int,
        overlap: int,
        bands: Sequence[Band],
        decimator: Decimator | None,
        first_centre: float,
    ) -> None:
        self.cells = cells
        self.slow = decimator is not None
        factor, delay = (decimator.factor, decimator.delay) if decimator else (1, 0.0)
        self._length = 2 * round(overlap * sample_rate / cells / factor / 2)
        centres = first_centre + np.arange(cells) * sample_rate / cells
        self._half_cell = sample_rate / cells / 2
        self._centres, self._factor, self._delay = centres, factor, delay
        starts = (centres - delay) / factor - self._length / 2
        self._starts = np.rint(starts).astype(np.int64)
        self._window = _window(self._length)
        spacing_hz = sample_rate / factor / self._length
        weights = np.stack([_shares(self._length // 2 + 1, spacing_hz, band) for band in bands], 1)
        if decimator:
            used = weights.any(axis=1)
            bins_hz = np.flatnonzero(used).astype(np.float64) * spacing_hz
            weights[used] /= decimator.gain(bins_hz)[:, None] ** 2
        # Once for the real and once for the imaginary part. Twice for the negative frequencies, and
        # twice for squared windows that average one half, make mean squares of cells.
        self._weights = np.repeat(weights, 2, axis=0) * 4 / self._length**2

    def mean_squares(self, signal: Array) -> Array:
        """Mean squares of the cells, shape (cells, bands)."""
        frames = np.lib.stride_tricks.sliding_window_view(signal, self._length)[self._starts]
        spectra = np.fft.rfft(frames * self._window).view(np.float64)
        return np.asarray(np.square(spectra, out=spectra) @ self._weights)

    def of_present(self, cells: Array, begin: int, end: int) -> Array:
        """Mean squares of what there is between two frames, NaN in cells without any of it.

        A frame that is partly silent holds as much less energy as its window lets through.
        """
        power = np.concatenate([[0.0], np.cumsum(np.square(self._window))])
        let_through = np.zeros(self.cells)
        for border, sign in ((end, 1), (begin, -1)):
            place = np.rint((border - self._delay) / self._factor).astype(np.int64) - self._starts
            let_through += sign * power[np.clip(place, 0, self._length)] / power[-1]
        present = (self._centres + self._half_cell > begin) & (
            self._centres - self._half_cell < end
        )
        measured: Array = cells / np.where(let_through > 0, let_through, 1)[:, None]
        measured[~present] = np.nan
        return measured


def _by_steps(cells: Array) -> Array:
    """Means over the cells of each step; zero where there are none."""
    if len(cells) < STEPS_PER_SECOND:
        cells = np.repeat(cells, STEPS_PER_SECOND // len(cells), axis=0)
    per_step = cells.reshape(STEPS_PER_SECOND, -1, cells.shape[1])
    known = ~np.isnan(per_step)
    counts = np.maximum(known.sum(axis=1), 1)
    means: Array = np.where(known, per_step, 0.0).sum(axis=1) / counts
    return means


def _window(length: int) -> Array:
    """Window whose squares, half overlapping, add up to one; its skirt falls fast (Vorbis)."""
    phase = np.pi * (np.arange(length) + 0.5) / length
    window: Array = np.sin(np.pi / 2 * np.sin(phase) ** 2)
    return window


def _shares(bins: int, spacing_hz: float, band: Band) -> Array:
    """Share of each bin's width that lies within a band."""
    edges = (np.arange(bins + 1) - 0.5) * spacing_hz
    shares: Array = np.diff(np.clip(edges, band.lower_hz, band.upper_hz)) / spacing_hz
    return shares


def _surrounded_by_silence(signal: Array, begin: int, end: int, frames: int) -> Array:
    """The sound from `begin` to `end` about its mean, and silence around it.

    A constant pressure that sets in or stops would be a step, and heard in every band.
    """
    centred = np.zeros(frames)
    centred[begin:end] = signal[begin:end] - signal[begin:end].mean()
    return centred
