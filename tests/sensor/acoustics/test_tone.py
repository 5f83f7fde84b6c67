"""A calibrator is found by its tone, and nothing else is taken for one."""

from __future__ import annotations

import numpy as np
import pytest

from sensor.acoustics.tone import CalibratorTone, ToneFinder
from tests.sensor.acoustics.signals import blocks, burst, noise, tone

RATE = 48_000


def _listened(sound: np.ndarray, finder: ToneFinder) -> CalibratorTone | None:
    found = (finder.process(block) for block in blocks(sound, RATE, 4800))
    return next((one for one in found if one is not None), None)


@pytest.mark.parametrize("level_db", [94.0, 114.0])
@pytest.mark.parametrize("frequency_hz", [1000.0, 1003.7, 985.3])
def test_the_tone_is_found_in_the_noise_of_a_street(level_db: float, frequency_hz: float) -> None:
    sound = tone(frequency_hz, level_db, 8.0, RATE) + noise(2, 8 * RATE, 60)
    found = _listened(sound, ToneFinder(RATE))
    assert found is not None
    assert found.level_db == pytest.approx(level_db, abs=0.02)
    assert found.frequency_hz == pytest.approx(frequency_hz, abs=0.05)
    assert found.standard_deviation_db < 0.02


def test_it_is_found_however_late_it_comes() -> None:
    sound = np.concatenate([noise(2, 7 * RATE, 70), tone(1000, 94, 6.0, RATE)])
    assert _listened(sound, ToneFinder(RATE)) is not None


def test_the_level_is_that_of_the_sensitivity() -> None:
    found = _listened(tone(1000, 94, 6.0, RATE), ToneFinder(RATE, sensitivity=2.0))
    assert found is not None
    assert found.level_db == pytest.approx(100.02, abs=0.01)


def test_a_pistonphone_has_another_frequency() -> None:
    assert _listened(tone(250, 124, 6.0, RATE), ToneFinder(RATE, 250.0)) is not None


def _warbling() -> np.ndarray:
    time = np.arange(10 * RATE) / RATE
    return tone(1000, 94, 10.0, RATE) * (1 + 0.05 * np.sin(2 * np.pi * 0.3 * time))


@pytest.mark.parametrize(
    ("sound", "why"),
    [
        (noise(4, 10 * RATE, 90), "pure tone"),
        (tone(440, 94, 10.0, RATE), "440 Hz"),
        (tone(1000, 30, 10.0, RATE), "quiet"),
        (np.zeros(10 * RATE), "quiet"),
        (tone(1000, 94, 4.0, RATE), "only 4 s"),
        (_warbling(), "not stable"),
        (tone(1000, 94, 10, RATE) + tone(2000, 80, 10, RATE), "pure tone"),
        (burst(1000, 94, 3.0, RATE, total_s=10), "quiet"),
        (np.clip(tone(1000, 94, 10, RATE), -1, 1), "overloaded"),
    ],
    ids=["noise", "A4", "faint", "silence", "short", "warbling", "harmonics", "burst", "clipped"],
)
def test_what_is_no_calibrator_is_refused_with_the_reason(sound: np.ndarray, why: str) -> None:
    limit_pa = 1.0 if why == "overloaded" else 10.0
    finder = ToneFinder(RATE, full_scale_pa=limit_pa)
    assert _listened(sound, finder) is None
    assert why in finder.why_not


def test_a_gap_begins_the_five_seconds_anew() -> None:
    sound = blocks(tone(1000, 94, 8.0, RATE), RATE, 4800)
    del sound[45]
    finder = ToneFinder(RATE)
    heard = [finder.process(block) for block in sound]
    assert all(one is None for one in heard)
