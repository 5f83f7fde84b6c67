"""Sounds that somebody on a ladder makes, for two microphones 0.3 m apart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sensor.blocks import AudioBlock

RATE = 48_000
SPACING_S = 0.3 / 340


def quiet(
    seconds: float, channels: int = 2, seed: int = 1, level_pa: float = 2e-3
) -> NDArray[np.float64]:
    """Faint noise, of its own in each channel."""
    rng = np.random.default_rng(seed)
    return level_pa * rng.standard_normal((round(seconds * RATE), channels))


def with_tap(
    sound: NDArray[np.float64], at_s: float, nearest: int, peak_pa: float = 2.0, other: float = 0.35
) -> NDArray[np.float64]:
    """A clap beside one microphone: later and fainter in the other."""
    click = np.exp(-np.arange(round(0.03 * RATE)) / (0.004 * RATE))
    click *= np.random.default_rng(3).standard_normal(click.size)
    click *= peak_pa / np.abs(click).max()
    tapped = sound.copy()
    for channel in range(2):
        is_nearest = channel == nearest
        first = round((at_s + (0 if is_nearest else SPACING_S)) * RATE)
        tapped[first : first + click.size, channel] += click * (1 if is_nearest else other)
    return tapped


def tone(seconds: float, level_db: float, hz: float = 1000.0) -> NDArray[np.float64]:
    """What a calibrator gives, in both channels."""
    wave = np.sqrt(2) * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)
    return np.repeat(20e-6 * 10 ** (level_db / 20) * wave[:, None], 2, axis=1)


def blocks(sound: NDArray[np.float64], first_frame: int = 0) -> Iterator[AudioBlock]:
    """The sound in blocks of a tenth of a second."""
    step = RATE // 10
    for start in range(0, len(sound), step):
        part = sound[start : start + step].astype(np.float32)
        yield AudioBlock(part, RATE, first_frame + start)
