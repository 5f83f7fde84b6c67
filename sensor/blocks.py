"""Blocks of sound, and the clock that dates them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

# A wall clock that strays further than this from the count of frames has been set, not drifted.
CLOCK_STEP_S = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class AudioBlock:
    """Consecutive frames of sound pressure, as every input delivers them.

    Parameters
    ----------
    pressure_pa : ndarray, shape (frames, channels), float32
        Sound pressure in pascal. Receivers never change it in place.
    sample_rate : int
        Frames a second.
    start_frame : int
        Index of the first frame since the stream began, counting the frames lost on the way,
        so that ``start_frame / sample_rate`` is always the time since the beginning.
    gap : bool
        Frames are missing right before this block.
    """

    pressure_pa: NDArray[np.float32]
    sample_rate: int
    start_frame: int
    gap: bool = False

    @property
    def frames(self) -> int:
        """Number of frames in the block."""
        return int(self.pressure_pa.shape[0])

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.pressure_pa.shape[1])

    @property
    def end_frame(self) -> int:
        """Index of the frame after the last one."""
        return self.start_frame + self.frames


class StreamClock:
    """UTC time of a frame: one anchor and the count of frames.

    Sound is dated by counting frames from one reading of the wall clock, so that a step of the
    wall clock never stretches or folds an event. :meth:`observe` compares the two now and then.

    Parameters
    ----------
    sample_rate : int
        Frames a second.
    anchor : datetime
        UTC time of frame 0.
    """

    def __init__(self, sample_rate: int, anchor: datetime) -> None:
        self.sample_rate = sample_rate
        self.anchor = anchor.astimezone(UTC)

    def time_of(self, frame: int) -> datetime:
        """UTC time at which `frame` began."""
        whole_s, rest = divmod(frame, self.sample_rate)
        return self.anchor + timedelta(seconds=whole_s, microseconds=rest * 1e6 / self.sample_rate)

    def observe(self, frame: int, now: datetime) -> float:
        """Seconds by which the wall clock `now` is ahead of the stream at `frame`.

        More than :data:`CLOCK_STEP_S` either way means that one of the two was set or stalled;
        the caller flags it and calls :meth:`restart`.
        """
        return (now - self.time_of(frame)).total_seconds()

    def restart(self, frame: int, now: datetime) -> None:
        """Date `frame` with `now` from here on."""
        self.anchor += now.astimezone(UTC) - self.time_of(frame)
