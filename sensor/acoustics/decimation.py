"""A slower copy of a signal for the narrow bands at low frequencies."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEAST_RATE_HZ: Final = 2900
# From the top of the highest band that reads the copy up to that band's first image.
PASS_HZ: Final = 400.0
CUTOFF_HZ: Final = LEAST_RATE_HZ / 2
# Ten output periods of a Kaiser window with this parameter keep images 90 dB down.
KERNEL_PERIODS: Final = 10
KAISER_BETA: Final = 9.0


class Decimator:
    """Low-pass filter and decimation to a little over 2.9 kHz, without a state.

    Parameters
    ----------
    sample_rate : int

    Attributes
    ----------
    factor : int
        Frames per sample of the copy.
    delay : float
        Frame at which the first sample of the copy lies.
    """

    def __init__(self, sample_rate: int) -> None:
        self.factor = sample_rate // LEAST_RATE_HZ
        taps = KERNEL_PERIODS * self.factor
        time = np.arange(taps) - (taps - 1) / 2
        cutoff = 2 * CUTOFF_HZ / sample_rate
        self._kernel = cutoff * np.sinc(cutoff * time) * np.kaiser(taps, KAISER_BETA)
        self._sample_rate = sample_rate
        self.delay = (taps - 1) / 2
        self._phases = self._kernel.reshape(KERNEL_PERIODS, self.factor).T.copy()

    def gain(self, frequency_hz: Array) -> Array:
        """Magnitude of the low-pass filter."""
        time = np.arange(self._kernel.size) - self.delay
        phase = 2 * np.pi * np.outer(frequency_hz, time) / self._sample_rate
        gain: Array = np.abs(np.cos(phase) @ self._kernel)
        return gain

    def process(self, signal: Array) -> Array:
        """The slower copy.

        Parameters
        ----------
        signal : ndarray, shape (frames,)

        Returns
        -------
        ndarray, shape (frames // factor - 9,)
            Sample `m` lies at frame ``m * factor + delay``.
        """
        periods = signal[: signal.size // self.factor * self.factor].reshape(-1, self.factor)
        parts = periods @ self._phases
        length = len(periods) - KERNEL_PERIODS + 1
        copy: Array = parts[:length, 0].copy()
        for period in range(1, KERNEL_PERIODS):
            copy += parts[period : period + length, period]
        return copy
