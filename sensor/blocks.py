"""Blocks of sound, and the clock that dates them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

CLOCK_STEP_S = 0.5
"""A wall clock that strays further from the count of frames has been set, not drifted."""

DISCIPLINE_S = 30
"""How often the two clocks are compared."""

MAX_SLEW_S = 0.01
"""Taken up at most each time: 333 ppm, more than any crystal strays."""


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

    Sound is dated by counting frames from a reading of the wall clock, so that a step of the
    wall clock never stretches or folds an event. The crystal of a sound card strays by some
    seconds a day, so :meth:`discipline` leads the count slowly after the wall clock.

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
        self._least_late_s = float("inf")
        self._looked_at_frame = 0

    def time_of(self, frame: int) -> datetime:
        """UTC time at which `frame` began."""
        whole_s, rest = divmod(frame, self.sample_rate)
        return self.anchor + timedelta(seconds=whole_s, microseconds=rest * 1e6 / self.sample_rate)

    def frame_at(self, time: datetime) -> int:
        """Index of the frame that began last at `time`."""
        return int((time - self.anchor).total_seconds() * self.sample_rate)

    def discipline(self, end_frame: int, now: datetime) -> bool:
        """Compare with the wall clock `now`, read when the frame before `end_frame` had arrived.

        Frames arrive late but never early, so the least lateness of a period is what the two
        clocks really differ by; at most :data:`MAX_SLEW_S` of it is taken up per period.

        Returns
        -------
        bool
            The difference is over :data:`CLOCK_STEP_S`: the wall clock was set or the stream
            has stalled. Frames are dated by `now` from here on.
        """
        late_s = (now - self.time_of(end_frame)).total_seconds()
        self._least_late_s = min(self._least_late_s, late_s)
        if end_frame - self._looked_at_frame < DISCIPLINE_S * self.sample_rate:
            return False
        stepped = abs(self._least_late_s) > CLOCK_STEP_S
        slew_s = max(-MAX_SLEW_S, min(MAX_SLEW_S, self._least_late_s))
        self.anchor += timedelta(seconds=self._least_late_s if stepped else slew_s)
        self._looked_at_frame = end_frame
        self._least_late_s = float("inf")
        return stepped

    def set_by(self, seconds: float) -> None:
        """Follow the wall clock, which was set by `seconds`."""
        self.anchor += timedelta(seconds=seconds)
        self._least_late_s = float("inf")


class RecentSound:
    """The last seconds of sound, in memory only, for analysing an event.

    Parameters
    ----------
    seconds : float
        How far it reaches back.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._blocks: deque[AudioBlock] = deque()

    def add(self, block: AudioBlock) -> None:
        """Keep `block`, and forget what is too old."""
        self._blocks.append(block)
        oldest = block.end_frame - self._seconds * block.sample_rate
        while self._blocks[0].end_frame <= oldest:
            self._blocks.popleft()

    def cut(self, start_frame: int, end_frame: int) -> AudioBlock | None:
        """Return the sound between two frames as one block, as far as it is still here.

        `gap` of the block says that frames are missing within. None when nothing is left.
        """
        parts = [b for b in self._blocks if b.end_frame > start_frame and b.start_frame < end_frame]
        if not parts:
            return None
        first = max(start_frame, parts[0].start_frame)
        sound = np.concatenate([b.pressure_pa for b in parts])
        skip = first - parts[0].start_frame
        sound = sound[skip : skip + end_frame - first]
        gap = any(b.gap for b in parts[1:])
        return AudioBlock(sound, parts[0].sample_rate, first, gap)
