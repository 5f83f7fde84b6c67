"""Mean spectra: the energy mean of each third octave over what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from collector.analysis.levels import energy, level_db


class Band(NamedTuple):
    """One third octave: its mean level, the energy of that, and over how long it was measured."""

    leq_db: float
    energy: float
    measured_s: float


def mean_spectrum(parts: Iterable[tuple[float, Mapping[str, float | None]]]) -> dict[str, Band]:
    """Return the mean of spectra, each given with how many seconds it was measured over.

    Decibels are averaged as energies (ISO 1996-1:2016, 3.1.7); bands that were nowhere measured
    are left out.
    """
    sums: dict[str, list[float]] = {}
    for seconds, bands in parts:
        for band, band_db in bands.items():
            if band_db is not None and seconds > 0:
                total = sums.setdefault(band, [0.0, 0.0])
                total[0] += float(energy(band_db)) * seconds
                total[1] += seconds
    return {
        band: Band(float(level_db(np.float64(total / seconds))), total / seconds, seconds)
        for band, (total, seconds) in sums.items()
    }
