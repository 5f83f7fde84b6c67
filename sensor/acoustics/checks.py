"""Measured values beside their limits, and the signals with which they are measured."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sensor.acoustics.levels import REFERENCE_PRESSURE_PA
from sensor.acoustics.meter import SoundLevelMeter
from sensor.acoustics.readings import LevelReading, LevelStep
from sensor.blocks import AudioBlock

Array = NDArray[np.float64]

BLOCK_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Check:
    """One measured value beside its goal and limits, all in the unit of its table.

    `lower` and `upper` are limits of the deviation from the goal.
    """

    what: str
    measured: float
    goal: float
    lower: float
    upper: float

    @property
    def deviation(self) -> float:
        """Measured minus goal."""
        return self.measured - self.goal

    @property
    def margin(self) -> float:
        """Distance to the nearer limit; negative outside."""
        return min(self.upper - self.deviation, self.deviation - self.lower)

    @property
    def passed(self) -> bool:
        """Whether the value lies within its limits."""
        return self.margin >= 0


@dataclass(frozen=True, slots=True)
class CheckTable:
    """Checks of one clause."""

    clause: str
    title: str
    unit: str
    checks: tuple[Check, ...]
    confidence: str
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether all checks passed."""
        return all(check.passed for check in self.checks)

    @property
    def largest(self) -> Check:
        """The check with the largest deviation."""
        return max(self.checks, key=lambda check: abs(check.deviation))


def amplitude_pa(level_db: float) -> float:
    """Amplitude of a sine with this level."""
    return float(np.sqrt(2) * REFERENCE_PRESSURE_PA * 10 ** (level_db / 20))


def time_s(duration_s: float, rate: int) -> Array:
    """Times of the frames."""
    return np.arange(round(duration_s * rate)) / rate


def steady_tone(frequency_hz: float, level_db: float, duration_s: float, rate: int) -> Array:
    """A steady sine."""
    phase = 2 * np.pi * frequency_hz * time_s(duration_s, rate)
    return amplitude_pa(level_db) * np.sin(phase + 0.7)


def meter_readings(
    signal: Array, rate: int, *, bands: bool = False, period_s: float = 1.0, limit_pa: float = inf
) -> tuple[list[LevelReading], list[LevelStep]]:
    """All that the meter reads of a signal, fed in blocks of 100 ms."""
    meter = SoundLevelMeter(
        rate,
        bands=bands,
        period_s=period_s,
        full_scale_pa=None if limit_pa == inf else limit_pa,
    )
    sound = signal.astype(np.float32)[:, None]
    frames = round(BLOCK_S * rate)
    readings: list[LevelReading] = []
    steps: list[LevelStep] = []
    for start in range(0, len(sound), frames):
        block = AudioBlock(sound[start : start + frames], rate, start)
        more_readings, more_steps = meter.process(block)
        readings += more_readings
        steps += more_steps
    more_readings, more_steps = meter.flush()
    return readings + more_readings, steps + more_steps


def whole_reading(signal: Array, rate: int, *, bands: bool = False) -> LevelReading:
    """One reading of all of a signal."""
    return meter_readings(signal, rate, bands=bands, period_s=0)[0][0]


def level_or_nothing(level: float | None) -> float:
    """A level; minus infinity where there is none."""
    return -inf if level is None else level


def second_reading(signal: Array, rate: int, *, bands: bool = False) -> LevelReading:
    """Reading of the second second, when everything has settled."""
    return meter_readings(signal, rate, bands=bands)[0][1]
