"""Third octaves of simulated sounds, which add up to the level they are given with."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from deploy.town.clock import FloatArray
from sensor.acoustics.weighting import weighting_db
from sensor.contract.messages import BAND_CENTRES, Spectrum

Shape: TypeAlias = Literal["traffic", "calls"]

_CENTRE_HZ = np.array([float(centre) for centre in BAND_CENTRES])
_SPREAD_DB = 0.8

# Engines and tyres: a hump at the firing frequencies, another at 1 kHz, falling above.
# Voices, dogs and bells: nothing low, most of it at 1 to 3 kHz.
_SHAPES_DB: dict[Shape, FloatArray] = {
    "traffic": np.array(
        [7, 8, 9, 11, 12, 10, 7, 5, 3, 1, -1, -3, -5, -6, -6, -5, -5, -6, -8, -10, -13, -16, -19,
         -21, -24, -27, -30, -33, -36, -39], dtype=np.float64,
    ),
    "calls": np.array(
        [-22, -22, -22, -22, -22, -22, -22, -22, -21, -20, -18, -15, -12, -9, -7, -5, -4, -4, -5,
         -6, -7, -9, -12, -15, -19, -23, -27, -31, -35, -39], dtype=np.float64,
    ),
}  # fmt: skip


def _levelled(shape_db: FloatArray) -> FloatArray:
    a_weighted = 10.0 ** ((shape_db + weighting_db("A", _CENTRE_HZ)) / 10.0)
    return shape_db - float(10.0 * np.log10(a_weighted.sum()))


_AT_ZERO_DB = {name: _levelled(shape_db) for name, shape_db in _SHAPES_DB.items()}


def spectrum(laeq_db: float, shape: Shape, rng: np.random.Generator) -> Spectrum:
    """Third-octave Leq whose A-weighted sum is `laeq_db` within half a decibel."""
    bands = laeq_db + _AT_ZERO_DB[shape] + rng.normal(0.0, _SPREAD_DB, len(_CENTRE_HZ))
    return dict(zip(BAND_CENTRES, np.round(bands, 1).tolist(), strict=True))
