"""What keeps the detector calm: a limit on the rate, and one trigger a vehicle for the radar."""

from __future__ import annotations

from collections import deque

RADAR_PAUSE_S = 2.0
"""Radar readings further apart than this are of different vehicles."""


class RateLimit:
    """At most so many within any hour of the stream.

    Parameters
    ----------
    per_hour : int
        How many.
    sample_rate : int
        Frames a second.
    """

    def __init__(self, per_hour: int, sample_rate: int) -> None:
        self._hour_frames = 3600 * sample_rate
        self._frames: deque[int] = deque(maxlen=per_hour)

    def admits(self, frame: int) -> bool:
        """Whether one more at `frame` is within the limit; if so it is counted."""
        full = len(self._frames) == self._frames.maxlen
        if full and frame - self._frames[0] < self._hour_frames:
            return False
        self._frames.append(frame)
        return True


class RadarSightings:
    """Sorts radar readings into the steps of the level they fall in.

    Parameters
    ----------
    minimum_kmh : float
        What is slower is ignored: walkers, leaves.
    sample_rate : int
        Frames a second.
    """

    def __init__(self, minimum_kmh: float, sample_rate: int) -> None:
        self._minimum_kmh = minimum_kmh
        self._pause_frames = round(RADAR_PAUSE_S * sample_rate)
        self._waiting: deque[int] = deque()
        self._latest: int | None = None

    def note(self, frame: int, speed_kmh: float) -> None:
        """Take in a reading."""
        if speed_kmh >= self._minimum_kmh:
            self._waiting.append(frame)

    def until(self, frame: int) -> tuple[bool, bool]:
        """Whether something was seen before `frame`, and whether it had just come into view.

        Each reading is told once; one that comes late counts with the step in hand.
        """
        seen = fresh = False
        while self._waiting and self._waiting[0] < frame:
            at = self._waiting.popleft()
            fresh |= self._latest is None or at - self._latest > self._pause_frames
            self._latest, seen = at, True
        return seen, fresh
