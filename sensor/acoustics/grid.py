"""The meter's time grid: steps of 125 ms and, within each, 125 slices of 1 ms.

Everything the meter computes hangs on this grid, counted from frame 0 of the stream, and not on
the blocks in which the sound arrives: so no cut into blocks can change a level. Where the sample
rate is no multiple of 1000 the borders are those nearest below, and slices differ by one frame.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

STEPS_PER_SECOND: Final = 8
STEP_S: Final = 1 / STEPS_PER_SECOND
SLICES_PER_STEP: Final = 125
SLICE_S: Final = STEP_S / SLICES_PER_STEP


class Grid:
    """Borders of steps and slices at one sample rate."""

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        per_second = STEPS_PER_SECOND * SLICES_PER_STEP
        self._frames_per_slice = 0 if sample_rate % per_second else sample_rate // per_second

    def slices_in(self, frames: int) -> int:
        """Number of slices that the first `frames` of a step begin."""
        per_second = STEPS_PER_SECOND * SLICES_PER_STEP
        return min(-(-frames * per_second // self.sample_rate), SLICES_PER_STEP)

    def step_start(self, step: int) -> int:
        """First frame of a step."""
        return step * self.sample_rate // STEPS_PER_SECOND

    def steps_before(self, frame: int) -> int:
        """Number of whole steps that end at `frame` or earlier."""
        return (STEPS_PER_SECOND * (frame + 1) - 1) // self.sample_rate

    def steps_touched(self, first_frame: int, end_frame: int) -> range:
        """Steps that hold a frame from `first_frame` up to, not including, `end_frame`.

        An empty range of frames still touches the step in which it lies.
        """
        last_frame = max(end_frame - 1, first_frame)
        return range(self.steps_before(first_frame), self.steps_before(last_frame) + 1)

    def slice_of(self, frames: NDArray[np.int64]) -> NDArray[np.int64]:
        """Number of the slice in which each frame lies."""
        per_second = STEPS_PER_SECOND * SLICES_PER_STEP
        return (per_second * (frames + 1) - 1) // self.sample_rate

    def slice_energies(
        self, signal: NDArray[np.float64], first_step: int, steps: int
    ) -> NDArray[np.float64]:
        """Mean squares of every slice.

        Parameters
        ----------
        signal : ndarray, shape (frames,)
            All frames of the steps.
        first_step, steps : int

        Returns
        -------
        ndarray, shape (steps, 125)
        """
        if self._frames_per_slice:
            slices = signal.reshape(-1, self._frames_per_slice)
            means = np.einsum("ij,ij->i", slices, slices) / self._frames_per_slice
        else:
            borders = self._slice_borders(first_step, steps)
            sums = np.add.reduceat(np.square(signal), borders[:-1])
            means = sums / np.diff(borders)
        per_step: NDArray[np.float64] = means.reshape(steps, SLICES_PER_STEP)
        return per_step

    def step_slices(self, first_step: int, steps: int) -> list[slice]:
        """Where each step lies within the frames of several."""
        start = self.step_start(first_step)
        borders = [
            self.step_start(step) - start for step in range(first_step, first_step + steps + 1)
        ]
        return [slice(first, end) for first, end in pairwise(borders)]

    def _slice_borders(self, first_step: int, steps: int) -> NDArray[np.int64]:
        first = first_step * SLICES_PER_STEP
        numbers = np.arange(first, first + steps * SLICES_PER_STEP + 1)
        borders = numbers * self.sample_rate // (STEPS_PER_SECOND * SLICES_PER_STEP)
        from_first: NDArray[np.int64] = borders - borders[0]
        return from_first
