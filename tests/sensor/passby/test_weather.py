"""Wind and rain, from sounds made here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from sensor.acoustics.meter import LevelReading, SoundLevelMeter
from sensor.blocks import AudioBlock
from sensor.inputs.recording import RecordingConfig, RecordingInput
from sensor.passby.thresholds import DetectorConfig
from sensor.passby.weather import RainWatch, wind_suspected

RATE = 48_000
REFERENCE = Path(__file__).parents[3] / "../shared/reference/audio/esc10"
CONFIG = DetectorConfig(rain_window_s=10)


def shaped(slope_db_per_octave: float, level_db: float, seconds: int) -> NDArray[np.float32]:
    """Noise whose spectral density falls by a slope, at an RMS level."""
    noise = np.random.default_rng(5).standard_normal(seconds * RATE)
    spectrum = np.fft.rfft(noise)
    frequency = np.maximum(np.fft.rfftfreq(noise.size, 1 / RATE), 15)
    return scaled(np.fft.irfft(spectrum * frequency ** (slope_db_per_octave / 6.02)), level_db)


def scaled(sound: NDArray[np.float64], level_db: float) -> NDArray[np.float32]:
    """`sound` at an RMS level."""
    return np.asarray(20e-6 * 10 ** (level_db / 20) * sound / np.std(sound), dtype=np.float32)


def readings(sound: NDArray[np.float32]) -> list[LevelReading]:
    meter = SoundLevelMeter(RATE)
    found, _ = meter.process(AudioBlock(sound[:, np.newaxis], RATE, 0))
    return found + meter.flush()[0]


def exhaust(level_db: float, seconds: int) -> NDArray[np.float32]:
    """A deep exhaust: harmonics of 75 Hz."""
    t = np.arange(seconds * RATE) / RATE
    harmonics = [np.sin(2 * np.pi * 75 * k * t + k) / k for k in range(1, 30)]
    return scaled(np.sum(harmonics, axis=0), level_db)


def windy(reading: LevelReading) -> bool:
    return wind_suspected(reading.bands_db, reading.lceq_db, reading.laeq_db, CONFIG)


def test_rumble_is_wind() -> None:
    wind = shaped(-9, 85, 4) + shaped(-3, 50, 4)
    assert all(windy(reading) for reading in readings(wind)[1:])


@pytest.mark.parametrize("slope", [-3, 0])
def test_noise_without_rumble_is_no_wind(slope: float) -> None:
    assert not any(windy(reading) for reading in readings(shaped(slope, 70, 3)))


def test_a_deep_exhaust_is_no_wind() -> None:
    assert not any(windy(reading) for reading in readings(exhaust(80, 3) + shaped(-3, 50, 3)))


def test_rumble_far_below_a_high_sound_is_no_wind() -> None:
    whistle = np.sin(2 * np.pi * 3000 * np.arange(3 * RATE) / RATE).astype(np.float32)
    assert not any(windy(reading) for reading in readings(whistle + shaped(-9, 60, 3)))


def test_without_bands_wind_is_not_guessed() -> None:
    assert not wind_suspected(None, 90.0, 60.0, CONFIG)


def rainy(found: list[LevelReading], config: DetectorConfig = CONFIG) -> bool:
    watch = RainWatch(config)
    for reading in found:
        watch.observe(reading)
    return watch.suspected()


def rain(level_db: float, seconds: int) -> NDArray[np.float32]:
    return shaped(0, level_db, seconds)


def test_steady_hiss_is_rain() -> None:
    assert rainy(readings(rain(60, 7)))


def test_a_pass_does_not_hide_the_rain() -> None:
    sound = rain(60, 10)
    sound[4 * RATE : 7 * RATE] += exhaust(85, 3)
    assert rainy(readings(sound))


@pytest.mark.parametrize(
    "sound",
    [
        pytest.param(shaped(-6, 60, 7), id="distant traffic"),
        pytest.param(rain(35, 7), id="too quiet"),
        pytest.param(rain(60, 4), id="too short to tell"),
        pytest.param(
            rain(60, 8) * np.repeat([1.0, 0.2, 1.0, 0.1] * 2, RATE).astype(np.float32),
            id="not steady",
        ),
    ],
)
def test_what_is_no_rain(sound: NDArray[np.float32]) -> None:
    assert not rainy(readings(sound))


@pytest.mark.recordings
@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the reference recordings are not here")
@pytest.mark.parametrize("name", ["rain_1-21189-A", "rain_1-29561-A"])
def test_recorded_rain(name: str) -> None:
    with RecordingInput(
        RecordingConfig(path=str(REFERENCE / f"{name}.ogg"), laeq_db=60, real_time=False)
    ) as source:
        sound = np.concatenate([block.pressure_pa[:, 0] for block in source.blocks()])
        sound = signal.resample_poly(sound, 160, 147).astype(np.float32)
    # The clips begin and end with silence; what is between is repeated to fill the window.
    middle = sound[RATE : 4 * RATE]
    assert rainy(readings(np.tile(middle, 3)))
