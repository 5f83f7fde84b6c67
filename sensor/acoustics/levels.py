"""Decibels and pascals."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

REFERENCE_PRESSURE_PA: Final = 20e-6
REFERENCE_ENERGY_PA2: Final = REFERENCE_PRESSURE_PA**2

# Far below the noise of any microphone: a level under it says "nothing", not "very quiet".
LEVEL_FLOOR_DB: Final = -40.0
ENERGY_FLOOR_PA2: Final = REFERENCE_ENERGY_PA2 * 10 ** (LEVEL_FLOOR_DB / 10)

# A sound pressure cannot swing further than the air's own static pressure.
PRESSURE_LIMIT_PA: Final = 101_325.0


def level_db(mean_square_pa2: float) -> float:
    """Sound pressure level of a mean square pressure, floored at :data:`LEVEL_FLOOR_DB`."""
    return 10.0 * math.log10(max(mean_square_pa2, ENERGY_FLOOR_PA2) / REFERENCE_ENERGY_PA2)


def levels_db(mean_square_pa2: NDArray[np.float64]) -> NDArray[np.float64]:
    """Element by element what :func:`level_db` does for one value."""
    ratio = np.maximum(mean_square_pa2, ENERGY_FLOOR_PA2) / REFERENCE_ENERGY_PA2
    return 10.0 * np.log10(ratio)


def above_floor_db(level: float) -> float | None:
    """A level, or None where it stands at the floor."""
    return level if level > LEVEL_FLOOR_DB else None


def measured_level_db(mean_square_pa2: float) -> float | None:
    """Level of a mean square pressure, or None where there is nothing to speak of."""
    return level_db(mean_square_pa2) if mean_square_pa2 > ENERGY_FLOOR_PA2 else None


def mean_square_pa2(level: float | None) -> float:
    """Mean square pressure of a level; zero for None."""
    return 0.0 if level is None else REFERENCE_ENERGY_PA2 * 10 ** (level / 10)
