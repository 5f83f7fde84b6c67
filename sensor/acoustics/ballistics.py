"""Time weightings F and S (IEC 61672-1:2013, 5.8)."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sensor.acoustics.grid import SLICE_S, SLICES_PER_STEP

Array = NDArray[np.float64]

FAST_S: Final = 0.125
SLOW_S: Final = 1.0


class TimeWeighting:
    """Exponential means of a squared pressure, F and S together, seen once a millisecond.

    An exponential of the slices' mean squares differs from one of every sample's square by at most
    half a slice of decay: 0.02 dB for F. Within a step it is a product with a triangular matrix;
    from step to step only the last value is carried.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew, out of silence."""
        self._fast_pa2 = 0.0
        self._slow_pa2 = 0.0

    def process(self, slice_energies_pa2: Array) -> tuple[Array, Array]:
        """Running exponential means.

        Parameters
        ----------
        slice_energies_pa2 : ndarray, shape (steps, 125)
            Mean squares of consecutive slices.

        Returns
        -------
        fast_pa2, slow_pa2 : ndarray, shape (steps, 125)
            F and S at the end of each slice.
        """
        kernel, fast_decay, slow_decay = _kernels()
        both = slice_energies_pa2 @ kernel
        fast, slow = both[:, :SLICES_PER_STEP], both[:, SLICES_PER_STEP:]
        for fast_step, slow_step in zip(fast, slow, strict=True):
            np.add(fast_step, self._fast_pa2 * fast_decay, out=fast_step)
            np.add(slow_step, self._slow_pa2 * slow_decay, out=slow_step)
            self._fast_pa2, self._slow_pa2 = float(fast_step[-1]), float(slow_step[-1])
        return fast, slow


@lru_cache(maxsize=1)
def _kernels() -> tuple[Array, Array, Array]:
    fast, fast_decay = _kernel(FAST_S)
    slow, slow_decay = _kernel(SLOW_S)
    return np.hstack([fast, slow]), fast_decay, slow_decay


def _kernel(time_constant_s: float) -> tuple[Array, Array]:
    """Matrix from slices to running means, and what is left of the value before."""
    keep = math.exp(-SLICE_S / time_constant_s)
    ages = np.arange(1, SLICES_PER_STEP + 1, dtype=np.float64)
    age = np.subtract.outer(np.arange(SLICES_PER_STEP), np.arange(SLICES_PER_STEP))
    weight = np.where(age >= 0, (1 - keep) * np.power(keep, np.maximum(age, 0)), 0.0)
    kernel: Array = weight.T.copy()
    left: Array = np.power(keep, ages)
    return kernel, left
