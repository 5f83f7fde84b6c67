"""The log-mel spectrogram against its definition, written out."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest

from sensor.passby.log_mel import (
    HOP,
    PATCH_HOP,
    PATCH_SAMPLES,
    SAMPLE_RATE,
    WINDOW,
    log_mel,
    mel_matrix,
    patches,
    resampled,
)


def noise(samples: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return (0.1 * np.random.default_rng(2).standard_normal(samples)).astype(np.float32)


def log_mel_by_definition(frame: list[float], band: int) -> float:
    """One value by sums: Hann window, DFT of 512, triangle on the mel scale, logarithm."""

    def mel(frequency_hz: float) -> float:
        return 1127 * math.log(1 + frequency_hz / 700)

    spacing = (mel(7500) - mel(125)) / 65
    centre = mel(125) + (band + 1) * spacing
    total = 0.0
    for k in range(1, 257):
        weight = 1 - abs(mel(k * 31.25) - centre) / spacing
        if weight > 0:
            bin_value = sum(
                x
                * (0.5 - 0.5 * math.cos(2 * math.pi * n / 400))
                * cmath.exp(-2j * math.pi * k * n / 512)
                for n, x in enumerate(frame)
            )
            total += weight * abs(bin_value)
    return math.log(total + 0.001)


@pytest.mark.parametrize("band", [0, 5, 31, 63])
def test_it_is_what_its_definition_says(band: int) -> None:
    sound = noise(WINDOW + 3 * HOP)
    spectrogram = log_mel(sound)
    assert spectrogram.shape == (4, 64)
    for frame in (0, 3):
        samples = sound[frame * HOP : frame * HOP + WINDOW].tolist()
        assert spectrogram[frame, band] == pytest.approx(
            log_mel_by_definition(samples, band), abs=1e-4
        )


def test_every_band_hears_something_and_none_hears_the_mean() -> None:
    assert mel_matrix().shape == (257, 64)
    assert (mel_matrix().sum(axis=0) > 0).all()
    assert not mel_matrix()[0].any()


@pytest.mark.parametrize(
    ("samples", "count"), [(1, 1), (PATCH_SAMPLES, 1), (PATCH_SAMPLES + 1, 2), (48_000, 6)]
)
def test_patches_cover_the_sound_every_half_patch(samples: int, count: int) -> None:
    sound = noise(samples)
    found = patches(sound, most=100)
    assert found.shape == (count, 96, 64)
    filled = np.pad(sound, (0, PATCH_SAMPLES + count * PATCH_HOP * HOP - samples))
    for number in range(count):
        start = number * PATCH_HOP * HOP
        expected = log_mel(filled[start : start + PATCH_SAMPLES])
        assert found[number] == pytest.approx(expected, abs=1e-6)


def test_of_a_long_sound_patches_are_taken_evenly() -> None:
    sound = noise(20 * SAMPLE_RATE)
    every, some = patches(sound, most=1000), patches(sound, most=8)
    assert len(some) == 8
    assert np.array_equal(some[0], every[0])
    assert np.array_equal(some[-1], every[-1])


@pytest.mark.parametrize("sample_rate", [8_000, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_any_rate_becomes_16_khz(sample_rate: int) -> None:
    t = np.arange(sample_rate) / sample_rate
    found = resampled(np.sin(2 * np.pi * 1000 * t), sample_rate)
    assert found.dtype == np.float32
    assert found.size == SAMPLE_RATE
    expected = np.sin(2 * np.pi * 1000 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)
    assert found[1000:-1000] == pytest.approx(expected[1000:-1000], abs=0.01)
