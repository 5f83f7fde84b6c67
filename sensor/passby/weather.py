"""Wind and rain, suspected from how they sound: reasons to leave a measurement out.

Wind turns to sound at the microphone itself, as a rumble that falls steeply with frequency;
what drives past has little below 50 Hz. Rain is steady and broadband: unlike distant traffic
it does not fall off above 1 kHz. Both are suspicions; a weather station knows better.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from sensor.passby.thresholds import DetectorConfig

if TYPE_CHECKING:
    from sensor.acoustics.readings import LevelReading

RUMBLE_HZ = (25.0, 40.0)
ENGINE_HZ = (80.0, 200.0)
MIDDLE_HZ = (250.0, 1000.0)
HISS_HZ = (2000.0, 8000.0)


def wind_suspected(
    bands_db: Mapping[float, float] | None,
    lceq_db: float | None,
    laeq_db: float | None,
    config: DetectorConfig,
) -> bool:
    """Whether a stretch of sound has the low-frequency excess of wind on the microphone.

    Parameters
    ----------
    bands_db : mapping of float to float, optional
        Third-octave Leq by centre in Hz. Without them wind cannot be told from a deep exhaust.
    lceq_db, laeq_db : float, optional
        Levels of the same stretch.
    config : DetectorConfig
        ``wind_excess_db``, what 25-40 Hz has over 80-200 Hz, and ``wind_lc_la_db``, what C has
        over A: a rumble that is no more than the residue under a high sound is no wind.
    """
    if not bands_db or lceq_db is None or laeq_db is None:
        return False
    excess_db = _sum_db(bands_db, RUMBLE_HZ) - _sum_db(bands_db, ENGINE_HZ)
    return excess_db >= config.wind_excess_db and lceq_db - laeq_db >= config.wind_lc_la_db


class RainWatch:
    """Looks for rain in the last readings.

    Medians over time are judged, so that a vehicle passing in the rain does not hide the rain.

    Parameters
    ----------
    config : DetectorConfig
        The thresholds ``rain_*``.
    """

    def __init__(self, config: DetectorConfig) -> None:
        self._config = config
        self._readings: deque[LevelReading] = deque(maxlen=config.rain_window_s)

    def observe(self, reading: LevelReading) -> None:
        """Take in the next reading of one second."""
        if reading.laeq_db is not None:
            self._readings.append(reading)

    def suspected(self) -> bool:
        """Whether it seems to rain now; False until the window is half full."""
        if 2 * len(self._readings) < self._config.rain_window_s:
            return False
        levels_db = [r.laeq_db for r in self._readings if r.laeq_db is not None]
        low_db, median_db = np.percentile(levels_db, [10, 50])
        if median_db < self._config.rain_floor_db:
            return False
        if median_db - low_db > self._config.rain_steady_db:
            return False
        bands_db = _median_bands(r.bands_db for r in self._readings if r.bands_db)
        if not bands_db:
            return False
        tilt_db = _mean_db(bands_db, HISS_HZ) - _mean_db(bands_db, MIDDLE_HZ)
        return tilt_db >= self._config.rain_tilt_db


def _median_bands(spectra: Iterable[Mapping[float, float]]) -> dict[float, float]:
    rows = list(spectra)
    centres = set(rows[0]).intersection(*rows[1:]) if rows else set()
    return {hz: float(np.median([row[hz] for row in rows])) for hz in centres}


def _sum_db(bands_db: Mapping[float, float], span_hz: tuple[float, float]) -> float:
    energy = sum(10 ** (level / 10) for hz, level in bands_db.items() if _within(hz, span_hz))
    return 10 * math.log10(energy) if energy > 0 else -math.inf


def _mean_db(bands_db: Mapping[float, float], span_hz: tuple[float, float]) -> float:
    levels = [level for hz, level in bands_db.items() if _within(hz, span_hz)]
    return float(np.mean(levels)) if levels else -math.inf


def _within(hz: float, span_hz: tuple[float, float]) -> bool:
    return span_hz[0] <= hz <= span_hz[1]
