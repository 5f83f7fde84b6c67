"""Peak of the C-weighted pressure, between the samples too (IEC 61672-1:2013, 5.13)."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

OVERSAMPLING: Final = 8
# Samples on either side of an interpolated point.
REACH: Final = 12
# A crest may stand this much above its nearest sample: at 48 kHz true up to 12 kHz.
CREST_SHARE: Final = 0.7
# A tone has thousands of equal crests; this many of the highest tell as much as all of them.
MOST_CRESTS: Final = 24


class PeakDetector:
    """Highest magnitude of a band-limited signal, step by step.

    Only the neighbourhoods of the highest samples are interpolated, which costs little and finds
    the same crest as oversampling everything. The last few samples wait for the next step, since
    a point is interpolated from both its sides.
    """

    def __init__(self) -> None:
        self._kernel = _interpolation_kernel()
        self.reset()

    def reset(self) -> None:
        """Begin anew, out of silence."""
        self._tail = np.zeros(2 * REACH)

    def process(self, signal: Array, steps: list[slice]) -> list[float]:
        """Peak magnitude of each step of the signal.

        Parameters
        ----------
        signal : ndarray, shape (frames,)
        steps : list of slice
            Consecutive, covering the signal.
        """
        joined = np.concatenate([self._tail, signal])
        self._tail = joined[-2 * REACH :].copy()
        return [self._peak(joined[step.start : step.stop + 2 * REACH]) for step in steps]

    def _peak(self, signal: Array) -> float:
        magnitude = np.abs(signal[REACH : signal.size - REACH])
        highest = float(magnitude.max(initial=0.0))
        crests = np.flatnonzero(magnitude >= CREST_SHARE * highest)
        if crests.size > MOST_CRESTS:
            crests = crests[np.argpartition(magnitude[crests], -MOST_CRESTS)[-MOST_CRESTS:]]
        around = crests[:, None] + np.arange(2 * REACH + 1)
        return max(highest, float(np.abs(signal[around] @ self._kernel).max(initial=0.0)))


def _interpolation_kernel() -> Array:
    """Windowed sinc for the points before and after a sample, shape (2 REACH + 1, points)."""
    fractions = np.arange(1, OVERSAMPLING) / OVERSAMPLING
    points = np.concatenate([-fractions[::-1], fractions])
    distance = np.arange(-REACH, REACH + 1)[:, None] - points
    window = np.i0(8.0 * np.sqrt(np.maximum(0.0, 1 - (distance / (REACH + 1)) ** 2))) / np.i0(8.0)
    kernel: Array = np.sinc(distance) * window
    return kernel
