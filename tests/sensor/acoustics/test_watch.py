"""A microphone that is none raises an alarm within two minutes, and its levels are taken out."""

from __future__ import annotations

import numpy as np
import pytest

from sensor.acoustics import SoundLevelMeter
from sensor.acoustics.watch import MicrophoneAlarm, MicrophoneWatch
from tests.sensor.acoustics.signals import blocks, feed, noise, tone

RATE = 16_000
FLOOR_DB = 25.0
QUIET_NIGHT_DB = 32.0


def _night(seconds: int, level_db: float = QUIET_NIGHT_DB) -> np.ndarray:
    """A quiet night: noise that swells and falls by a few decibels, as air and leaves do."""
    time = np.arange(seconds * RATE) / RATE
    swell = 10 ** (2.0 * np.sin(2 * np.pi * time / 17) * np.sin(2 * np.pi * time / 5) / 20)
    return noise(9, seconds * RATE, level_db) * swell


def _watched(
    sound: np.ndarray, floor_db: float | None = FLOOR_DB
) -> tuple[list[MicrophoneAlarm], list[float | None], MicrophoneWatch]:
    meter = SoundLevelMeter(RATE, microphone_floor_db=floor_db, bands=False)
    watch = MicrophoneWatch(floor_db)
    alarms, levels = [], []
    for reading in feed(meter, blocks(sound, RATE, RATE))[0]:
        alarms += watch.process(reading)
        levels.append(watch.judged(reading).laeq_db)
    return alarms, levels, watch


DEAD = {
    "digital silence": (np.zeros(120 * RATE), "stuck"),
    "stuck at a value": (np.full(120 * RATE, 0.02), "stuck"),
    "noise of the converter": (noise(1, 120 * RATE, 12), "dead"),
    "wet: its own noise only": (noise(2, 120 * RATE, 28), "dead"),
    "hum of an open input": (tone(50, 70, 120, RATE) + noise(3, 120 * RATE, 30), "implausible"),
    "louder than any street": (tone(1000, 145, 120, RATE), "implausible"),
}


@pytest.mark.parametrize("name", DEAD)
def test_a_microphone_that_fails_is_told_within_two_minutes(name: str) -> None:
    sound, state = DEAD[name]
    alarms, levels, watch = _watched(np.concatenate([_night(90), sound]))
    assert [alarm.state for alarm in alarms] == [state]
    assert watch.state == state
    assert alarms[0].since_frame / RATE == pytest.approx(90, abs=3)
    assert all(level is not None for level in levels[:89])
    assert all(level is None for level in levels[155:])


@pytest.mark.parametrize(
    "name", ["digital silence", "noise of the converter", "louder than any street"]
)
def test_levels_that_cannot_be_are_taken_out_at_once(name: str) -> None:
    _, levels, _ = _watched(np.concatenate([_night(10), DEAD[name][0][: 20 * RATE]]))
    assert all(level is None for level in levels[12:])


def test_a_dead_microphone_is_told_without_knowing_its_noise() -> None:
    alarms, levels, _ = _watched(noise(1, 120 * RATE, 12), floor_db=None)
    assert [alarm.state for alarm in alarms] == ["dead"]
    assert levels == [None] * 120


def test_a_quiet_night_is_no_fault() -> None:
    alarms, levels, watch = _watched(_night(300, 29.0))
    assert alarms == []
    assert watch.state == "ok"
    assert None not in levels


def test_a_fan_in_the_yard_is_no_fault() -> None:
    alarms, _, _ = _watched(noise(5, 150 * RATE, 45))
    assert alarms == []


def test_a_microphone_that_comes_back_is_told_too() -> None:
    sound = np.concatenate([_night(70), np.zeros(90 * RATE), _night(90)])
    alarms, levels, watch = _watched(sound)
    assert [alarm.state for alarm in alarms] == ["stuck", "ok"]
    assert watch.state == "ok"
    assert levels[-1] is not None


def test_a_gap_says_nothing_about_the_microphone() -> None:
    meter = SoundLevelMeter(RATE, bands=False)
    watch = MicrophoneWatch()
    sound = blocks(_night(10), RATE, RATE)
    late = blocks(_night(10), RATE, RATE, start_frame=200 * RATE)
    alarms = [
        alarm for reading in feed(meter, [*sound, *late])[0] for alarm in watch.process(reading)
    ]
    assert alarms == []
