"""Between a sound card's callback and the reader: a bounded queue, and the count of frames."""

from __future__ import annotations

from dataclasses import dataclass
from queue import Empty, Full, Queue

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """What one call of the sound card brought.

    Parameters
    ----------
    samples : ndarray, shape (frames, channels)
    stream_s : float
        Time of the first frame by the stream's own clock.
    arrived_s : float
        Time of the call by the monotonic clock.
    overflow : bool
        The card lost sound right before, nobody knows how much.
    dropped_frames : int
        Frames that the queue had no room for right before.
    opening : int
        Which opening of the device this is from.
    """

    samples: NDArray[np.float32]
    stream_s: float
    arrived_s: float
    overflow: bool = False
    dropped_frames: int = 0
    opening: int = 0


class CaptureQueue:
    """Takes chunks without ever waiting; what does not fit is dropped and counted.

    Parameters
    ----------
    capacity : int
        Most chunks that wait for the reader.
    """

    def __init__(self, capacity: int) -> None:
        self._queue: Queue[Chunk] = Queue(capacity)
        self._dropped_frames = 0
        self._overflow = False
        self.overflows = 0

    def put(
        self,
        samples: NDArray[np.float32],
        stream_s: float,
        arrived_s: float,
        *,
        overflow: bool,
        opening: int,
    ) -> None:
        """Take a copy of `samples`; called by the sound card's thread alone."""
        self.overflows += overflow
        self._overflow |= overflow
        chunk = Chunk(
            samples.copy(), stream_s, arrived_s, self._overflow, self._dropped_frames, opening
        )
        try:
            self._queue.put_nowait(chunk)
        except Full:
            # One overflow is one run of losses, however long.
            self.overflows += not self._dropped_frames
            self._dropped_frames += len(samples)
        else:
            self._dropped_frames = 0
            self._overflow = False

    def get(self, timeout_s: float) -> Chunk | None:
        """The oldest chunk, or None when none came within `timeout_s`."""
        try:
            return self._queue.get(timeout=timeout_s)
        except Empty:
            return None


class FrameCount:
    """Gives chunks their place in time, counting the frames that were lost.

    Parameters
    ----------
    sample_rate : int
        Frames a second.
    """

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._next_frame = 0
        self._last: Chunk | None = None

    def place(self, chunk: Chunk) -> tuple[int, bool]:
        """Return the index of the chunk's first frame, and whether frames are missing before it.

        Frames dropped by the queue are known exactly. What the card lost is told from the
        stream's clock, and how long the device was away from the monotonic clock; both over the
        time since the last chunk only, so that the clocks' drift does not add up.
        """
        last, self._last = self._last, chunk
        lost, gap = 0, False
        if last is not None and chunk.opening != last.opening:
            away_s = chunk.arrived_s - last.arrived_s
            lost, gap = round(away_s * self.sample_rate) - len(chunk.samples), True
        elif last is not None and (chunk.overflow or chunk.dropped_frames):
            lost, gap = chunk.dropped_frames, True
            if chunk.overflow:
                since_s = chunk.stream_s - last.stream_s
                lost = max(lost, round(since_s * self.sample_rate) - len(last.samples))
        start_frame = self._next_frame + max(0, lost)
        self._next_frame = start_frame + len(chunk.samples)
        return start_frame, gap
