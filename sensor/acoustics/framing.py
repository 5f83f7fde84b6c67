"""From blocks of any length to whole steps of the grid, with holes where sound is missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sensor.acoustics.grid import Grid
from sensor.acoustics.levels import PRESSURE_LIMIT_PA
from sensor.blocks import AudioBlock
from sensor.errors import MeterError

# A longer gap is not filled with invalid readings; the stream goes on after it.
LONGEST_FILLED_GAP_S: Final = 3600
# Steps handed on at once, so that a whole file in one block needs no memory to speak of.
MOST_STEPS: Final = 80


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Consecutive steps of sound; only the last of a stream may be shorter than its step."""

    first_step: int
    steps: int
    pressure_pa: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Hole:
    """Consecutive steps that cannot be measured.

    `gap` tells frames that never came from frames that are no sound (NaN, infinite, or beyond
    the pressure of the air itself).
    """

    first_step: int
    steps: int
    gap: bool


class Framer:
    """Cuts a stream into steps.

    Every step comes out once and in order. A step touched by missing or impossible frames becomes
    part of a hole, and sound is taken up again at the next border. A stream that jumps back, or
    further ahead than an hour, begins anew at its next frame.

    Parameters
    ----------
    grid : Grid
    channel : int
        Channel that is measured.
    """

    def __init__(self, grid: Grid, channel: int) -> None:
        self._grid = grid
        self._channel = channel
        self.reset()

    def reset(self) -> None:
        """Forget the stream."""
        self._next_frame: int | None = None
        self._step = 0
        self._parts: list[NDArray[np.float32]] = []

    def process(self, block: AudioBlock) -> Iterator[Run | Hole]:
        """Steps completed by a block.

        Raises
        ------
        MeterError
            If the block has another sample rate, or not the channel.
        """
        self._check(block)
        yield from self._catch_up(block)
        sound = block.pressure_pa[:, self._channel]
        if np.abs(sound).max(initial=0) <= PRESSURE_LIMIT_PA:
            yield from self._take(sound)
            return
        for first, end, is_sound in self._pieces(sound, block.start_frame):
            if is_sound:
                yield from self._take(sound[first:end])
            else:
                start = block.start_frame
                yield from self._skip(start + first, start + end, gap=False)

    def flush(self) -> Iterator[Run | Hole]:
        """The unfinished step, if it holds any sound; the stream is over."""
        rest = self._joined()
        if rest.size:
            yield Run(self._step, 1, rest)
        self.reset()

    def _check(self, block: AudioBlock) -> None:
        if block.sample_rate != self._grid.sample_rate:
            text = (
                f"The block at frame {block.start_frame} has {block.sample_rate} Hz, but the meter "
                f"was made for {self._grid.sample_rate} Hz: make a new meter for another rate."
            )
            raise MeterError(text)
        if self._channel >= block.channels:
            text = (
                f"Channel {self._channel} is to be measured, but the sound has {block.channels}: "
                "choose a channel from 0 up to, not including, that number."
            )
            raise MeterError(text)

    def _catch_up(self, block: AudioBlock) -> Iterator[Hole]:
        """Account for frames between the last block and this one."""
        rate, start = self._grid.sample_rate, block.start_frame
        known = self._next_frame
        broken = block.gap and known is not None
        if known is None or not 0 <= start - known <= LONGEST_FILLED_GAP_S * rate:
            if self._parts:
                yield self._hole(self._step + 1, gap=True)
            self._next_frame = start // rate * rate
            self._step = self._grid.steps_before(self._next_frame)
            known = self._next_frame
        if start > known or broken:
            yield from self._skip(known, start, gap=True)

    def _skip(self, first_frame: int, end_frame: int, *, gap: bool) -> Iterator[Hole]:
        self._next_frame = end_frame
        touched = self._grid.steps_touched(first_frame, end_frame)
        if touched.stop > self._step:
            yield self._hole(touched.stop, gap=gap)

    def _hole(self, end_step: int, *, gap: bool) -> Hole:
        hole = Hole(self._step, end_step - self._step, gap)
        self._step, self._parts = end_step, []
        return hole

    def _take(self, sound: NDArray[np.float32]) -> Iterator[Run]:
        first_frame = self._next_frame or 0
        self._next_frame = first_frame + sound.size
        resume = self._grid.step_start(self._step)
        # A copy: the sender may use its buffer again.
        part = sound[max(0, resume - first_frame) :].copy()
        if not part.size:
            return
        self._parts.append(part)
        end_step = self._grid.steps_before(self._next_frame)
        if end_step <= self._step:
            return
        whole, offset = self._joined(), resume
        while self._step < end_step:
            steps = min(end_step - self._step, MOST_STEPS)
            border = self._grid.step_start(self._step + steps)
            yield Run(self._step, steps, whole[resume - offset : border - offset])
            self._step, resume = self._step + steps, border
        rest = whole[resume - offset :]
        self._parts = [rest.astype(np.float32)] if rest.size else []

    def _joined(self) -> NDArray[np.float64]:
        if not self._parts:
            return np.zeros(0)
        return np.concatenate(self._parts, dtype=np.float64)

    def _pieces(
        self, sound: NDArray[np.float32], start_frame: int
    ) -> Iterator[tuple[int, int, bool]]:
        """Alternating runs of sound and of impossible samples, the latter in whole slices.

        Whole slices keep a noise of single NaNs from becoming thousands of runs.
        """
        frames = np.arange(start_frame, start_frame + sound.size)
        of_slice = self._grid.slice_of(frames)
        bad_slices = np.unique(of_slice[~(np.abs(sound) <= PRESSURE_LIMIT_PA)])
        bad = np.isin(of_slice, bad_slices)
        borders = np.flatnonzero(np.r_[True, bad[1:] != bad[:-1], True])
        for first, end in pairwise(borders):
            yield int(first), int(end), not bad[first]
