"""Speeds of simulated pass-bys, and refusals, with seeds the estimators were not tuned on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sensor.contract.quantities import SpeedRefusal
from sensor.inputs.simulated_radar import SimulatedRadar, SimulatedRadarConfig
from sensor.passby.geometry import FloatArray, Geometry
from sensor.passby.results import REASONS, Analysis, SpeedEstimate, SpeedRefused
from sensor.passby.speed import analyse_sound, estimate_speed
from tests.sensor.passby.generator import CHECK_SEED, Scenario, scenario, synthesise

# Half the usual rate: quicker, and another rate for the analysis to cope with.
RATE = 24_000
_PASSES = 6
RECORDINGS = Path(__file__).parents[3] / "../shared/reference"


def told(made: Scenario, *, spacing: bool = True) -> Geometry:
    return Geometry(
        {1: made.distance_m, -1: made.distance_m},
        spacing_m=made.spacing_m if spacing else None,
        mic_height_m=made.mic_height_m,
        temperature_c=made.temperature_c,
    )


@cache
def made_and_heard(case: str, number: int) -> tuple[Scenario, FloatArray]:
    made = replace(scenario(case, CHECK_SEED + number), sample_rate=RATE)
    return made, synthesise(made)


@cache
def two_microphones(case: str, number: int) -> tuple[Scenario, Analysis]:
    made, sound = made_and_heard(case, number)
    return made, analyse_sound(sound, RATE, told(made))


@cache
def one_microphone(case: str, number: int) -> tuple[Scenario, Analysis]:
    made, sound = made_and_heard(case, number)
    return made, analyse_sound(sound[:, :1], RATE, told(made, spacing=False))


def errors(pairs: list[tuple[Scenario, Analysis]]) -> FloatArray:
    return np.array(
        [
            analysis.outcome.speed_kmh - made.speeds_kmh[0]
            for made, analysis in pairs
            if isinstance(analysis.outcome, SpeedEstimate)
        ]
    )


def test_two_microphones_reach_their_accuracy() -> None:
    pairs = [two_microphones("normal", number) for number in range(_PASSES)]
    error = errors(pairs)
    assert error.size == _PASSES
    assert np.sqrt(np.mean(error**2)) < 2.4
    speeds = np.array([made.speeds_kmh[0] for made, _ in pairs])
    assert np.all(np.abs(error) < 0.2 * speeds)


def test_two_microphones_tell_the_direction_and_the_time() -> None:
    for number in range(_PASSES):
        made, analysis = two_microphones("normal", number)
        assert isinstance(analysis.outcome, SpeedEstimate)
        assert analysis.outcome.direction == made.directions[0]
        assert analysis.outcome.nearest_s == pytest.approx(made.motions[0].nearest_s, abs=0.12)


def test_intervals_hold_the_truth_and_are_of_use() -> None:
    held, halves = 0, []
    for number in range(_PASSES):
        made, analysis = two_microphones("normal", number)
        outcome = analysis.outcome
        assert isinstance(outcome, SpeedEstimate)
        held += outcome.low_kmh <= made.speeds_kmh[0] <= outcome.high_kmh
        halves.append((outcome.high_kmh - outcome.low_kmh) / 2.0)
    assert held >= _PASSES - 1
    assert np.mean(halves) < 5.0


def test_one_microphone_reaches_its_accuracy() -> None:
    pairs = [one_microphone("normal", number) for number in range(_PASSES)]
    error = errors(pairs)
    assert error.size >= _PASSES - 2
    assert np.sqrt(np.mean(error**2)) < 3.5
    for made, analysis in pairs:
        if isinstance(analysis.outcome, SpeedEstimate):
            assert analysis.outcome.direction is None
            assert analysis.outcome.method == "doppler"
            assert abs(analysis.outcome.speed_kmh - made.speeds_kmh[0]) < 0.25 * made.speeds_kmh[0]


def test_accelerating_vehicles_have_the_speed_of_their_nearest_point() -> None:
    held = []
    for number in range(4):
        made, analysis = two_microphones("accelerating", number)
        outcome = analysis.outcome
        if isinstance(outcome, SpeedEstimate):
            held.append(outcome.low_kmh <= made.speeds_kmh[0] <= outcome.high_kmh)
    assert len(held) >= 3
    assert sum(held) >= len(held) - 1


@pytest.mark.parametrize("number", range(2))
def test_an_electric_car_needs_two_microphones(number: int) -> None:
    made, analysis = two_microphones("electric", number)
    assert isinstance(analysis.outcome, SpeedEstimate)
    assert analysis.outcome.method == "stereo"
    assert analysis.outcome.low_kmh <= made.speeds_kmh[0] <= analysis.outcome.high_kmh
    alone = one_microphone("electric", number)[1].outcome
    assert isinstance(alone, SpeedRefused)
    assert alone.reason == "no_harmonics"


@pytest.mark.parametrize("measure", [two_microphones, one_microphone])
@pytest.mark.parametrize(("case", "reason"), [("noise", "no_vehicle"), ("idling", "stationary")])
def test_what_does_not_drive_past_has_no_speed(measure, case: str, reason: str) -> None:  # type: ignore[no-untyped-def]  # functools.cache hides the signature
    outcome = measure(case, 0)[1].outcome
    assert isinstance(outcome, SpeedRefused)
    assert outcome.reason == reason
    assert outcome.text == REASONS[outcome.reason]


@pytest.mark.parametrize("case", ["two_opposite", "two_same_way"])
@pytest.mark.parametrize("number", range(2))
def test_of_two_vehicles_none_or_one_that_was_there(case: str, number: int) -> None:
    for measure in (two_microphones, one_microphone):
        made, analysis = measure(case, number)
        outcome = analysis.outcome
        if isinstance(outcome, SpeedRefused):
            continue
        assert any(
            outcome.low_kmh <= speed <= outcome.high_kmh and outcome.direction in (None, way)
            for speed, way in zip(made.speeds_kmh, made.directions, strict=True)
        )


def test_scale_and_channel_order() -> None:
    """Sound has no calibration here; swapped channels turn the direction."""
    made, sound = made_and_heard("normal", 0)
    before = two_microphones("normal", 0)[1].outcome
    after = estimate_speed(1e-3 * sound[:, ::-1], RATE, told(made))
    assert isinstance(before, SpeedEstimate)
    assert isinstance(after, SpeedEstimate)
    assert after.speed_kmh == pytest.approx(before.speed_kmh, rel=0.02)
    assert after.direction == -(before.direction or 0)


def test_a_pass_in_a_long_quiet_sound_is_found() -> None:
    made, sound = made_and_heard("normal", 0)
    quiet = 0.02 * np.random.default_rng(1).normal(size=(6 * RATE, 2))
    outcome = estimate_speed(np.concatenate((quiet, sound)), RATE, told(made))
    assert isinstance(outcome, SpeedEstimate)
    assert outcome.nearest_s == pytest.approx(made.motions[0].nearest_s + 6.0, abs=0.15)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda sound: sound[:RATE], "too_short"),
        (lambda sound: np.where(np.arange(sound.shape[0])[:, None] == 9, np.nan, sound), "gap"),
        (np.zeros_like, "no_vehicle"),
    ],
)
def test_spoilt_sound_is_refused(spoil, reason: SpeedRefusal) -> None:  # type: ignore[no-untyped-def]  # lambdas of the table above
    made, sound = made_and_heard("normal", 0)
    outcome = estimate_speed(spoil(sound), RATE, told(made))
    assert isinstance(outcome, SpeedRefused)
    assert outcome.reason == reason


def test_a_radar_sharpens_what_the_microphones_say() -> None:
    made, sound = made_and_heard("normal", 0)
    start = datetime(2026, 11, 23, 7, 45, tzinfo=UTC)
    config = SimulatedRadarConfig(
        speed_kmh=made.speeds_kmh[0],
        distance_m=told(made).slant_m(1),
        every_s=5.0,
        passes=1,
        real_time=False,
    )
    readings = list(SimulatedRadar(config, start).readings())
    alone = two_microphones("normal", 0)[1].outcome
    both = estimate_speed(sound, RATE, told(made), readings, start)
    assert isinstance(alone, SpeedEstimate)
    assert isinstance(both, SpeedEstimate)
    assert both.method == "fused"
    assert both.log_sigma < alone.log_sigma


def test_every_refusal_has_its_sentence() -> None:
    assert all(text.endswith(".") for text in REASONS.values())


def ticks() -> FloatArray:
    """A clock, in a room so quiet that hardly anything else is recorded."""
    random = np.random.default_rng(5)
    sound = 1e-6 * random.normal(size=5 * RATE)
    fading = np.exp(-np.arange(RATE // 10) / (0.01 * RATE))
    for first in range(RATE // 2, sound.size - RATE // 10, RATE):
        sound[first : first + fading.size] += fading * random.normal(size=fading.size)
    return sound


def barks() -> FloatArray:
    """A dog that barks twice."""
    time_s = np.arange(5 * RATE) / RATE
    swell = np.exp(-(((time_s - 1.0) / 0.1) ** 2)) + np.exp(-(((time_s - 3.5) / 0.1) ** 2))
    tone = 2 * np.pi * 600.0 * time_s
    random = np.random.default_rng(6)
    return np.asarray(swell * np.sin(tone) * (1.0 + 0.3 * random.normal(size=time_s.size)))


@pytest.mark.parametrize("heard", ["vehicle", "slow vehicle", "ticks", "barks"])
def test_microphones_that_are_wired_wrongly_give_no_speed(heard: str) -> None:
    """One of them twice, inverted, late by a buffer, dead, or with nothing but its own noise."""
    numbers = {"vehicle": 0, "slow vehicle": 4}
    if heard in numbers:
        one = made_and_heard("normal", numbers[heard])[1][:, 0]
    else:
        one = {"ticks": ticks, "barks": barks}[heard]()
    hiss = 1e-3 * np.std(one) * np.random.default_rng(7).normal(size=one.size)
    for other in (one, -one, np.roll(one, 15), np.zeros_like(one), hiss):
        for distance_m in (3.0, 7.5):
            wired = Geometry({1: distance_m, -1: distance_m}, spacing_m=0.3)
            outcome = estimate_speed(np.stack([one, other], axis=1), RATE, wired)
            assert isinstance(outcome, SpeedRefused)


@pytest.mark.recordings
def test_recordings_of_children_dogs_rain_and_machines_have_no_speed() -> None:
    folder = RECORDINGS / "audio/esc10"
    if not folder.is_dir():
        pytest.skip("the recordings of ../shared/reference/audio are not here")
    for file in sorted(folder.glob("*.ogg")):
        sound, sample_rate = soundfile.read(file, always_2d=True)
        twice = np.repeat(sound[:, :1], 2, axis=1)
        for channels, spacing_m in ((sound, None), (twice, 0.3)):
            outcome = estimate_speed(channels, sample_rate, Geometry(spacing_m=spacing_m))
            assert isinstance(outcome, SpeedRefused), file.name


def test_a_chain_saw_and_a_crying_child_have_no_speed() -> None:
    """Tones that come and go, as those recordings have them, made here."""
    random = np.random.default_rng(3)
    time_s = np.arange(5 * RATE) / RATE
    for tone_hz, pulse_hz in ((110.0, 0.8), (420.0, 1.1)):
        swell = np.maximum(np.sin(2 * np.pi * pulse_hz * time_s), 0.05)
        bend = 2 * np.pi * tone_hz * (time_s + 0.01 * np.sin(2 * np.pi * pulse_hz * time_s))
        sound = swell * np.sum([np.sin(k * bend) / k for k in range(1, 12)], axis=0)
        sound += 0.02 * random.normal(size=time_s.size)
        assert isinstance(estimate_speed(sound[:, np.newaxis], RATE, Geometry()), SpeedRefused)
