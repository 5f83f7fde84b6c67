"""Overload: samples at the input's limit (IEC 61672-1:2013, 5.11)."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

FULL_SCALE_SHARE: Final = 0.999
# Flat tops of an unknown limit: this many samples in a row, equal, and the highest ever.
FLAT_SAMPLES: Final = 4
# The crest of a low tone is flat too, after rounding to 16 bits; a cut one ends in a corner.
CORNER_SHARE: Final = 0.002


class OverloadDetector:
    """Tells whether a step was driven to the limit of the input.

    Where the limit is known, one sample at it is enough. Where it is not, the sign is a flat top:
    equal samples in a row at the highest magnitude seen so far, entered or left by a corner.

    Parameters
    ----------
    full_scale_pa : float or None
        Pressure at the limit of the input, when it is known.
    """

    def __init__(self, full_scale_pa: float | None) -> None:
        self._limit_pa = None if full_scale_pa is None else FULL_SCALE_SHARE * full_scale_pa
        self.reset()

    def reset(self) -> None:
        """Forget the highest magnitude."""
        self._highest_pa = 0.0

    def process(self, step_pa: NDArray[np.float64], lowest: float, highest: float) -> bool:
        """Judge the frames of one step, whose extremes are known."""
        extreme = max(highest, -lowest)
        if self._limit_pa is not None:
            return extreme >= self._limit_pa
        if extreme == 0.0 or extreme < self._highest_pa:
            return False
        self._highest_pa = extreme
        return _has_flat_top(step_pa, extreme)


def _has_flat_top(signal: NDArray[np.float64], highest: float) -> bool:
    at_top = np.concatenate([[False], np.abs(signal) == highest, [False]])
    borders = np.flatnonzero(at_top[1:] != at_top[:-1])
    for first, end in zip(borders[::2], borders[1::2], strict=True):
        if end - first < FLAT_SAMPLES or first == 0 or end == signal.size:
            continue
        corner = highest - min(abs(signal[first - 1]), abs(signal[end]))
        if corner > CORNER_SHARE * highest:
            return True
    return False
