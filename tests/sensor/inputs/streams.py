"""What the tests of the inputs share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sensor.acoustics.meter import LevelReading, LevelStep, SoundLevelMeter
from sensor.blocks import AudioBlock
from sensor.inputs import Input

RATE = 48_000


def joined(blocks: Sequence[AudioBlock]) -> NDArray[np.float32]:
    """The pressure of consecutive blocks in one piece."""
    return np.concatenate([block.pressure_pa for block in blocks])


def played(source: Input) -> NDArray[np.float32]:
    """All that `source` has, checked to be one stream without a gap."""
    with source:
        blocks = list(source.blocks())
    at = 0
    for block in blocks:
        assert block.start_frame == at
        assert not block.gap
        assert block.sample_rate == source.sample_rate
        assert block.channels == source.channels
        assert block.pressure_pa.dtype == np.float32
        at = block.end_frame
    return joined(blocks)


def tone_pa(
    level_db: float, seconds: float, rate: int = RATE, hz: float = 1000.0
) -> NDArray[np.float64]:
    """A sine of that level."""
    time_s = np.arange(round(seconds * rate)) / rate
    return np.asarray(
        np.sqrt(2.0) * 20e-6 * 10.0 ** (level_db / 20.0) * np.sin(2 * np.pi * hz * time_s)
    )


def measured(
    pressure_pa: NDArray[np.float32], rate: int, period_s: float = 1.0
) -> tuple[list[LevelReading], list[LevelStep]]:
    """What the meter reads of the first channel."""
    meter = SoundLevelMeter(rate, bands=False, period_s=period_s)
    readings, steps = meter.process(AudioBlock(pressure_pa, rate, 0))
    last_readings, last_steps = meter.flush()
    return readings + last_readings, steps + last_steps
