"""What a level of this system may be off by (GUM, JCGM 100:2008)."""

from __future__ import annotations

from math import sqrt
from typing import Final

LEVEL_CONTRIBUTIONS_DB: Final = {
    "microphone": 0.7,
    "calibrator": 0.5,
    "meter": 0.3,
    "place": 0.5,
}
"""Standard uncertainties of a level near a road, as docs/measurement-procedure.md explains them."""

COVERAGE_FACTOR: Final = 2.0

LEVEL_U95_DB: Final = round(
    COVERAGE_FACTOR * sqrt(sum(u * u for u in LEVEL_CONTRIBUTIONS_DB.values())), 1
)
"""Expanded uncertainty of a level, about 95 %."""
