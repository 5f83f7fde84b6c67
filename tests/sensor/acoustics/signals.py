"""Signals with a known level, the way through the meter, and the standards' tables."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sensor.acoustics import LevelReading, LevelStep, SoundLevelMeter
from sensor.blocks import AudioBlock

Array = NDArray[np.float64]

STANDARDS = Path(__file__).parents[2] / "standards"
REFERENCE_PA = 20e-6


def table(name: str) -> list[dict[str, str]]:
    """Rows of one of the standards' tables."""
    with (STANDARDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def amplitude_pa(level_db: float) -> float:
    """Amplitude of a sine with this level."""
    return float(np.sqrt(2) * REFERENCE_PA * 10 ** (level_db / 20))


def tone(
    frequency_hz: float, level_db: float, duration_s: float, rate: int, phase: float = 0.0
) -> Array:
    """A steady sine."""
    time = np.arange(round(duration_s * rate)) / rate
    return amplitude_pa(level_db) * np.sin(2 * np.pi * frequency_hz * time + phase)


def burst(
    frequency_hz: float,
    level_db: float,
    burst_s: float,
    rate: int,
    *,
    start_s: float = 1.0,
    total_s: float = 2.5,
) -> Array:
    """One tone burst in silence that begins at a zero crossing, wherever between two samples."""
    time = np.arange(round(total_s * rate)) / rate - start_s
    inside = (time >= 0) & (time < burst_s)
    sine = amplitude_pa(level_db) * np.sin(2 * np.pi * frequency_hz * time)
    return np.where(inside, sine, 0.0)


def noise(seed: int, frames: int, level_db: float = 70.0) -> Array:
    """White noise."""
    generator = np.random.default_rng(seed)
    return generator.standard_normal(frames) * REFERENCE_PA * 10 ** (level_db / 20)


def blocks(
    signal: NDArray[np.floating], rate: int, lengths: Iterable[int] | int, start_frame: int = 0
) -> list[AudioBlock]:
    """A signal as blocks of these lengths, the last taken again and again to the end."""
    sound = np.asarray(signal, dtype=np.float32)[:, None]
    wanted = iter([lengths] if isinstance(lengths, int) else lengths)
    made, at, length = [], 0, 0
    while at < len(sound):
        length = next(wanted, length) or len(sound)
        made.append(AudioBlock(sound[at : at + length], rate, start_frame + at))
        at += length
    return made


def feed(
    meter: SoundLevelMeter, pieces: Iterable[AudioBlock]
) -> tuple[list[LevelReading], list[LevelStep]]:
    """All readings and steps of a stream."""
    readings: list[LevelReading] = []
    steps: list[LevelStep] = []
    for more_readings, more_steps in [*map(meter.process, pieces), meter.flush()]:
        readings += more_readings
        steps += more_steps
    return readings, steps


def read(
    signal: NDArray[np.floating], rate: int, *, block: int = 9600, bands: bool = False
) -> list[LevelReading]:
    """Readings of one second each."""
    meter = SoundLevelMeter(rate, bands=bands)
    return feed(meter, blocks(signal, rate, block))[0]


def known(level: float | None) -> float:
    """A level that must be there."""
    assert level is not None
    return level
