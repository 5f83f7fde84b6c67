"""The background level: LAF90 of the last minutes, without the events."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray

BUCKETS = 10
EXCEEDED = 0.90
FLOOR_DB = -20.0
BIN_DB = 0.1
BINS = 1800
# Observations between two looks at the histogram: it cannot move faster than that anyway.
REFRESH = 8


class BackgroundTracker:
    """Level exceeded 90 % of a sliding window's time (LAF90), from a histogram.

    A low percentile is quick to fall and slow to rise: it sinks once a tenth of the window is
    quieter, and rises only when nine tenths are louder. So it follows evening and morning within
    a window's length, while a lorry that idles for five minutes does not move it.

    Parameters
    ----------
    window_s : float
        Length of the window. It slides in tenths.
    settle_s : float
        No background is given before this much has been observed.
    sample_rate : int
        Frames a second of the stream.
    """

    def __init__(self, window_s: float, settle_s: float, sample_rate: int) -> None:
        self._bucket_frames = max(1, round(window_s * sample_rate / BUCKETS))
        self._settle_frames = settle_s * sample_rate
        self._buckets: deque[tuple[int, NDArray[np.int64]]] = deque()
        self._total = np.zeros(BINS, dtype=np.int64)
        self._waiting = 0
        self._laf90_db: float | None = None

    @property
    def laf90_db(self) -> float | None:
        """The background in dB, or None while too little is known."""
        return self._laf90_db

    def observe(self, laf_db: float, start_frame: int, frames: int) -> None:
        """Take in a stretch of the level outside events; NaN is left out."""
        if math.isnan(laf_db):
            return
        bucket = self._bucket(start_frame // self._bucket_frames)
        index = min(max(int((laf_db - FLOOR_DB) / BIN_DB), 0), BINS - 1)
        bucket[index] += frames
        self._total[index] += frames
        self._waiting += 1
        if self._waiting >= REFRESH:
            self._waiting = 0
            self._refresh()

    def _bucket(self, number: int) -> NDArray[np.int64]:
        while self._buckets and self._buckets[0][0] <= number - BUCKETS:
            self._total -= self._buckets.popleft()[1]
        if not self._buckets or self._buckets[-1][0] != number:
            self._buckets.append((number, np.zeros(BINS, dtype=np.int64)))
        return self._buckets[-1][1]

    def _refresh(self) -> None:
        cumulative = np.cumsum(self._total)
        if cumulative[-1] < self._settle_frames:
            self._laf90_db = None
            return
        index = int(np.searchsorted(cumulative, (1.0 - EXCEEDED) * cumulative[-1]))
        self._laf90_db = FLOOR_DB + (index + 0.5) * BIN_DB
