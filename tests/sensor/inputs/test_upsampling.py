from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensor.inputs.upsampling import Upsampler

RATE = 8_000


def raised(sound: NDArray[np.float32], factor: int, *lengths: int) -> NDArray[np.float32]:
    """`sound` raised in blocks of `lengths`, the last one with all that is left."""
    upsampler = Upsampler(factor, sound.shape[1])
    cuts = np.cumsum(lengths)
    parts = [upsampler.process(part) for part in np.split(sound, cuts[cuts < len(sound)])]
    return np.concatenate([*parts, upsampler.flush()])


def tone(frequency_hz: float, rate: int, seconds: float = 1.0) -> NDArray[np.float32]:
    time_s = np.arange(round(seconds * rate)) / rate
    return np.sin(2 * np.pi * frequency_hz * time_s).astype(np.float32)[:, None]


@pytest.mark.parametrize("factor", [2, 3])
@pytest.mark.parametrize("frequency_hz", [50.0, 1000.0, 3500.0])
def test_a_tone_stays_where_it_was_and_as_loud(factor: int, frequency_hz: float) -> None:
    out = raised(tone(frequency_hz, RATE), factor)
    expected = tone(frequency_hz, RATE * factor)
    assert out.shape == expected.shape
    middle = slice(len(out) // 4, -len(out) // 4)
    np.testing.assert_allclose(out[middle], expected[middle], atol=1.5e-3)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 900), max_size=6))
def test_any_split_into_blocks_gives_the_same(lengths: list[int]) -> None:
    sound = np.random.default_rng(1).standard_normal((1000, 2)).astype(np.float32)
    np.testing.assert_allclose(raised(sound, 2, *lengths), raised(sound, 2), atol=1e-6)
