"""What a level of this system may be off by (GUM, JCGM 100:2008)."""

from __future__ import annotations

from math import sqrt
from typing import Final

LEVEL_CONTRIBUTIONS_DB: Final = {
    "microphone": 0.7,
    "calibration": 0.5,
    "drift": 0.3,
    "mounting": 0.5,
}
"""Standard uncertainties of a level near a road: direction and frequency response of a microphone
that was not pattern tested, calibrator with its coupling, drift between two checks, reflections."""

COVERAGE_FACTOR: Final = 2.0

LEVEL_U95_DB: Final = round(
    COVERAGE_FACTOR * sqrt(sum(u * u for u in LEVEL_CONTRIBUTIONS_DB.values())), 1
)
"""Expanded uncertainty of a level, about 95 %."""
