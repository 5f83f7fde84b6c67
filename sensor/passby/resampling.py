"""Other sample rates for analysis."""

from __future__ import annotations

from math import gcd

import numpy as np

from sensor.passby.geometry import FloatArray


def resampled(sound: FloatArray, sample_rate: int, wanted_rate: int) -> FloatArray:
    """`sound`, frames first, at `wanted_rate` frames a second."""
    from scipy.signal import resample_poly  # noqa: PLC0415 - see sensor/acoustics/filtering.py: costs seconds and 80 MB

    common = gcd(sample_rate, wanted_rate)
    up, down = wanted_rate // common, sample_rate // common
    return np.asarray(resample_poly(sound, up, down, axis=0), dtype=np.float64)
