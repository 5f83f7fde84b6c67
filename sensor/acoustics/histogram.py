"""Distribution of a level over time, from which the percentiles come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

CLASSES_PER_DB: Final = 100


@dataclass(frozen=True, slots=True, eq=False)
class LevelHistogram:
    """How many milliseconds a level spent in each class of 0.01 dB; empty classes are left out.

    Parameters
    ----------
    classes : ndarray of int16, rising
        Level in hundredths of a decibel.
    counts : ndarray of int64
        Milliseconds in each class.
    """

    classes: NDArray[np.int16]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, levels_db: NDArray[np.float64]) -> LevelHistogram:
        """Histogram of levels seen once a millisecond."""
        hundredths = np.rint(levels_db * CLASSES_PER_DB).astype(np.int16)
        return cls(*np.unique(hundredths, return_counts=True))

    @classmethod
    def sum_of(cls, histograms: Iterable[LevelHistogram]) -> LevelHistogram | None:
        """All of them together; None of none."""
        several = list(histograms)
        if len(several) < 2:
            return several[0] if several else None
        classes, where = np.unique(
            np.concatenate([histogram.classes for histogram in several]), return_inverse=True
        )
        counts = np.zeros(classes.size, dtype=np.int64)
        np.add.at(counts, where, np.concatenate([histogram.counts for histogram in several]))
        return cls(classes, counts)

    def exceeded_db(self, percent: float) -> float:
        """Level that was exceeded for `percent` of the time (LAF90: 90)."""
        below = np.cumsum(self.counts)
        rank = (1 - percent / 100) * below[-1]
        index = min(int(np.searchsorted(below, rank, side="right")), below.size - 1)
        return float(self.classes[index]) / CLASSES_PER_DB
