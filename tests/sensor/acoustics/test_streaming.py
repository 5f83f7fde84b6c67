"""The laws that every stream obeys, however it is cut and whatever it holds."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.acoustics import LEVEL_FLOOR_DB, LevelReading, SoundLevelMeter, combine
from sensor.blocks import AudioBlock
from sensor.errors import MeterError
from tests.sensor.acoustics.signals import (
    blocks,
    burst,
    feed,
    known,
    noise,
    read,
    tone,
)

RATE = 16_000
LEVELS = (
    "laeq_db", "lafmax_db", "lafmin_db", "lasmax_db", "lceq_db", "lcpeak_db", "lae_db",
    "lzeq_db", "laf10_db", "laf50_db", "laf90_db",
)  # fmt: skip


def _street(rate: int, seconds: float) -> np.ndarray:
    """Noise with bursts, on and off the grid."""
    frames = round(rate * seconds)
    sound = noise(11, frames, 55)
    for start_s in (0.4, 0.997, 1.8, 2.9995):
        one = burst(1000, 85, 0.08, rate, start_s=start_s, total_s=seconds + 1)
        sound += one[:frames]
    return sound


def _same(first: LevelReading, second: LevelReading) -> None:
    for name in LEVELS:
        expected = getattr(first, name)
        assert getattr(second, name) == (
            None if expected is None else pytest.approx(expected, abs=0.01)
        ), name
    for hz, level in (first.bands_db or {}).items():
        assert (second.bands_db or {})[hz] == pytest.approx(level, abs=0.01)
    assert (first.start_frame, first.frames) == (second.start_frame, second.frames)
    assert (first.valid, first.gap, first.overload, first.stuck) == (
        second.valid, second.gap, second.overload, second.stuck,
    )  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(
    lengths=st.lists(st.one_of(st.integers(1, 40), st.integers(1, 40_000)), max_size=30),
    rate=st.sampled_from([RATE, 22_050, 16_001]),
)
def test_no_cut_into_blocks_changes_a_level(lengths: list[int], rate: int) -> None:
    sound = _street(rate, 3.3)
    whole, whole_steps = feed(SoundLevelMeter(rate), blocks(sound, rate, 10 * rate))
    cut, cut_steps = feed(SoundLevelMeter(rate), blocks(sound, rate, [*lengths, 4000]))
    assert len(cut) == len(whole) == 4
    for one, other in zip(whole, cut, strict=True):
        _same(one, other)
    assert len(cut_steps) == len(whole_steps)
    for step, other_step in zip(whole_steps, cut_steps, strict=True):
        assert step.start_frame == other_step.start_frame
        assert step.lafmax_db == pytest.approx(other_step.lafmax_db, abs=0.01)


def test_blocks_of_single_frames() -> None:
    sound = _street(RATE, 1.3)
    whole, _ = feed(SoundLevelMeter(RATE), blocks(sound, RATE, len(sound)))
    cut, _ = feed(SoundLevelMeter(RATE), blocks(sound, RATE, 1))
    for one, other in zip(whole, cut, strict=True):
        _same(one, other)


@settings(max_examples=20, deadline=None)
@given(frames=st.integers(1, 80_000), rate=st.sampled_from([RATE, 22_050, 16_001]))
def test_no_frame_is_lost_or_counted_twice(frames: int, rate: int) -> None:
    sound = np.full(frames, 1e-2) * np.where(np.arange(frames) % 16 < 8, 1, -1)
    readings, steps = feed(SoundLevelMeter(rate, bands=False), blocks(sound, rate, 1600))
    for pieces in (readings, steps):
        borders = [(piece.start_frame, piece.start_frame + piece.frames) for piece in pieces]
        assert borders[0][0] == 0
        assert borders[-1][1] == frames
        assert all(one[1] == other[0] for one, other in pairwise(borders))
    energy = sum(10 ** (known(r.lzeq_db) / 10) * r.frames for r in readings if r.lzeq_db)
    # The mean pressure is taken off each reading; of this signal, only in its last part.
    if frames % rate == 0:
        assert 10 * np.log10(energy * 4e-10 / (frames * 1e-4)) == pytest.approx(0, abs=0.01)


def test_a_step_comes_out_with_the_block_that_ends_it() -> None:
    meter = SoundLevelMeter(48_000)
    seen = 0
    for block in blocks(noise(1, 96_000), 48_000, 4800):
        seen += len(meter.process(block)[1])
        assert seen == block.end_frame * 8 // 48_000


def test_a_reading_comes_out_with_the_block_that_ends_it_or_shortly_after() -> None:
    for bands, delay in ((False, 0.0), (True, 0.501)):
        meter = SoundLevelMeter(48_000, bands=bands)
        seen = 0
        for block in blocks(noise(1, 4 * 48_000), 48_000, 4800):
            seen += len(meter.process(block)[0])
            assert seen >= int((block.end_frame / 48_000) - delay)


@pytest.mark.parametrize(
    ("lost_from", "lost_to", "touched"),
    [
        (1.3, 1.31, {1}),
        (1.0, 1.5, {1}),
        (1.5, 2.0, {1}),
        (1.999, 2.001, {1, 2}),
        (1.2, 4.1, {1, 2, 3, 4}),
    ],
)
@pytest.mark.parametrize("bands", [False, True])
def test_a_gap_marks_the_seconds_that_it_touches(
    lost_from: float, lost_to: float, touched: set[int], bands: bool
) -> None:
    sound = tone(1000, 80, 7.0, RATE)
    before = blocks(sound[: int(lost_from * RATE)], RATE, 1600)
    after = int(lost_to * RATE)
    rest = blocks(sound[after:], RATE, 1600, start_frame=after)
    readings, steps = feed(SoundLevelMeter(RATE, bands=bands), [*before, *rest])
    assert [reading.start_frame // RATE for reading in readings] == list(range(7))
    assert {r.start_frame // RATE for r in readings if r.gap} == touched
    assert {r.start_frame // RATE for r in readings if not r.valid} == touched
    for reading in readings:
        if reading.valid:
            assert reading.laeq_db == pytest.approx(80, abs=0.05)
        else:
            assert reading.laeq_db is None
            assert reading.bands_db is None
    assert len(steps) == 56
    assert all(np.isnan(step.lafmax_db) != step.valid for step in steps)


def test_a_gap_of_unknown_length_marks_its_second() -> None:
    sound = blocks(tone(1000, 80, 3.0, RATE), RATE, 1600)
    broken = sound[14]
    sound[14] = AudioBlock(broken.pressure_pa, RATE, broken.start_frame, gap=True)
    readings, _ = feed(SoundLevelMeter(RATE), sound)
    assert [reading.gap for reading in readings] == [False, True, False]


def test_a_stream_that_begins_within_a_second_marks_it() -> None:
    readings, _ = feed(
        SoundLevelMeter(RATE), blocks(tone(1000, 80, 2.5, RATE), RATE, 1600, start_frame=RATE // 2)
    )
    assert [reading.start_frame for reading in readings] == [0, RATE, 2 * RATE]
    assert [reading.valid for reading in readings] == [False, True, True]


@pytest.mark.parametrize("jump_to", [0, 40 * 24 * 3600 * RATE])
def test_a_stream_that_begins_anew_goes_on(jump_to: int) -> None:
    sound = tone(1000, 80, 2.45, RATE)
    pieces = [*blocks(sound, RATE, 1600), *blocks(sound, RATE, 1600, start_frame=jump_to)]
    readings, _ = feed(SoundLevelMeter(RATE), pieces)
    starts = [reading.start_frame for reading in readings]
    assert starts == [0, RATE, 2 * RATE, jump_to, jump_to + RATE, jump_to + 2 * RATE]
    assert [reading.valid for reading in readings] == [True, True, False, True, True, True]


@pytest.mark.parametrize("poison", [np.nan, -np.inf, 1e30])
@pytest.mark.parametrize("bands", [False, True])
def test_impossible_samples_spoil_their_second_and_nothing_else(poison: float, bands: bool) -> None:
    sound = tone(1000, 80, 4.0, RATE).astype(np.float32)
    sound[[RATE + 5, RATE + 300, 2 * RATE - 1]] = poison
    expected = [reading.valid for reading in read(sound, RATE, block=64_000, bands=bands)]
    for block in (80, 777, 1600):
        readings = read(sound, RATE, block=block, bands=bands)
        assert [reading.valid for reading in readings] == expected == [True, False, True, True]
        assert not any(reading.gap for reading in readings)
        assert all(known(r.laeq_db) == pytest.approx(80, abs=0.02) for r in readings if r.valid)


def test_clipping_marks_its_second_and_nothing_else() -> None:
    sound = np.concatenate([tone(500, level, 1.0, RATE) for level in (80, 100, 80)])
    limit = 1.0
    clipped = np.clip(sound, -limit, limit)
    for full_scale in (limit, None):
        meter = SoundLevelMeter(RATE, full_scale_pa=full_scale)
        readings, steps = feed(meter, blocks(clipped, RATE, 1600))
        assert [reading.overload for reading in readings] == [False, True, False]
        assert [step.overload for step in steps] == [False] * 8 + [True] * 8 + [False] * 8
        assert all(reading.valid for reading in readings)


@pytest.mark.parametrize("frequency", [20, 25, 50, 997, 8000])
def test_a_low_tone_in_16_bits_is_no_overload(frequency: float) -> None:
    sound = np.round(tone(frequency, 94, 2.0, 48_000) * 20_000) / 20_000
    assert not any(reading.overload for reading in read(sound, 48_000))


def test_silence_has_no_level_and_spoils_nothing() -> None:
    sound = np.concatenate(
        [tone(1000, 80, 1.0, RATE), np.zeros(3 * RATE), tone(1000, 80, 1.0, RATE)]
    )
    readings, steps = feed(SoundLevelMeter(RATE), blocks(sound, RATE, 1600))
    assert [reading.laeq_db is None for reading in readings] == [False, False, True, True, False]
    assert all(reading.valid for reading in readings)
    assert combine(readings).laeq_db == pytest.approx(80 + 10 * np.log10(2 / 5), abs=0.02)
    assert [reading.stuck for reading in readings] == [False, True, True, True, False]
    assert all(reading.under_range for reading in readings[2:4])
    assert readings[4].laeq_db == pytest.approx(80, abs=0.02)
    assert min(step.lafmax_db for step in steps) >= LEVEL_FLOOR_DB


def test_a_constant_pressure_is_no_sound() -> None:
    sound = tone(1000, 60, 4.0, RATE) + 0.5
    for reading in read(sound, RATE, bands=True)[1:]:
        assert reading.laeq_db == pytest.approx(60, abs=0.02)
        assert reading.lceq_db == pytest.approx(60, abs=0.02)
        assert reading.lzeq_db == pytest.approx(60, abs=0.02)
        assert (reading.bands_db or {})[25] < 40


def test_a_level_below_the_microphones_noise_is_none() -> None:
    meter = SoundLevelMeter(RATE, microphone_floor_db=28)
    sound = np.concatenate([tone(1000, 35, 1.0, RATE), tone(1000, 20, 2.0, RATE)])
    readings, _ = feed(meter, blocks(sound, RATE, 1600))
    assert [reading.under_range for reading in readings] == [False, True, True]
    assert readings[2].laeq_db is None
    assert not readings[2].valid


def test_one_channel_of_two_is_measured() -> None:
    both = np.stack([tone(1000, 60, 1.0, RATE), tone(1000, 80, 1.0, RATE)], axis=1)
    for channel, level in ((0, 60), (1, 80)):
        meter = SoundLevelMeter(RATE, channel=channel)
        block = AudioBlock(both.astype(np.float32), RATE, 0)
        readings, _ = feed(meter, [block])
        assert readings[0].laeq_db == pytest.approx(level, abs=0.02)


def test_a_block_is_never_changed() -> None:
    sound = _street(RATE, 1.0).astype(np.float32)[:, None]
    kept = sound.copy()
    feed(SoundLevelMeter(RATE), [AudioBlock(sound, RATE, 0)])
    assert np.array_equal(sound, kept)


@pytest.mark.parametrize("period_s", [0.125, 0.5, 1.5, 2.0, 3.0, 0])
def test_any_period_agrees_with_its_seconds(period_s: float) -> None:
    sound = _street(RATE, 6.0)
    readings, _ = feed(SoundLevelMeter(RATE, period_s=period_s), blocks(sound, RATE, 1600))
    assert len(readings) == (1 if period_s == 0 else round(6 / period_s))
    whole = combine(readings)
    seconds = combine(read(sound, RATE, bands=True))
    for name in LEVELS:
        if name != "lzeq_db" or period_s >= 1:
            assert getattr(whole, name) == pytest.approx(getattr(seconds, name), abs=0.02), name
    assert whole.measured_frames == 6 * RATE


def test_a_longer_period_leaves_out_what_is_not_valid() -> None:
    sound = np.concatenate([tone(1000, 80, 2.0, RATE), tone(1000, 60, 2.0, RATE)])
    kept = blocks(sound, RATE, 1600)
    del kept[15]
    (reading,), _ = feed(SoundLevelMeter(RATE, period_s=4.0), kept)
    assert reading.gap
    assert reading.valid
    assert reading.measured_frames == 3 * RATE
    expected = 10 * np.log10((1e8 + 2e6) / 3)
    assert reading.laeq_db == pytest.approx(expected, abs=0.05)


def test_flushed_meters_are_as_new() -> None:
    meter = SoundLevelMeter(RATE)
    sound = blocks(_street(RATE, 1.7), RATE, 1600)
    first, _ = feed(meter, sound)
    second, _ = feed(meter, sound)
    for one, other in zip(first, second, strict=True):
        _same(one, other)


def test_what_cannot_be_measured_is_said() -> None:
    block = AudioBlock(np.zeros((10, 1), np.float32), 44_100, 0)
    with pytest.raises(MeterError, match="44100"):
        SoundLevelMeter(48_000).process(block)
    with pytest.raises(MeterError, match="Channel 1"):
        SoundLevelMeter(44_100, channel=1).process(block)
    for period_s in (-1, 0.1, 1e9, float("nan"), float("inf")):
        with pytest.raises(MeterError, match="period"):
            SoundLevelMeter(48_000, period_s=period_s)
    with pytest.raises(MeterError, match="8000"):
        SoundLevelMeter(8000)
    with pytest.raises(MeterError, match="no level"):
        combine([])
    one = LevelReading(0, 10, RATE)
    with pytest.raises(MeterError, match="follow"):
        combine([one, one])
