"""The sound level meter: weightings, ballistics, third octaves, calibration."""

from __future__ import annotations

from sensor.acoustics.levels import LEVEL_FLOOR_DB
from sensor.acoustics.meter import SoundLevelMeter
from sensor.acoustics.readings import LevelReading, LevelStep, combine

__all__ = ["LEVEL_FLOOR_DB", "LevelReading", "LevelStep", "SoundLevelMeter", "combine"]
