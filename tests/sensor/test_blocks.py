from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from sensor.blocks import CLOCK_STEP_S, DISCIPLINE_S, AudioBlock, RecentSound, StreamClock

ANCHOR = datetime(2026, 11, 22, 12, tzinfo=UTC)
RATE = 48_000


def block(start: int, frames: int, *, gap: bool = False) -> AudioBlock:
    ramp = np.arange(start, start + frames, dtype=np.float32)[:, None]
    return AudioBlock(ramp, RATE, start, gap)


def arrivals(clock: StreamClock, seconds: int, drift: float, jitter_s: float) -> list[bool]:
    """Let blocks of a second come, from a crystal that is slow by `drift`, late by up to jitter."""
    random = np.random.default_rng(1)
    stepped = []
    for second in range(1, seconds + 1):
        late = timedelta(seconds=second * drift + random.uniform(0, jitter_s))
        stepped.append(clock.discipline(second * RATE, ANCHOR + timedelta(seconds=second) + late))
    return stepped


def test_time_is_counted_in_frames() -> None:
    clock = StreamClock(44_100, ANCHOR)
    assert clock.time_of(44_100 * 86_400 * 365) == ANCHOR + timedelta(days=365)
    assert clock.time_of(22_050) == ANCHOR + timedelta(milliseconds=500)


def test_the_drift_of_a_crystal_is_followed_without_a_step() -> None:
    clock = StreamClock(RATE, ANCHOR)
    assert not any(arrivals(clock, 4 * 3600, drift=100e-6, jitter_s=0.2))
    true = ANCHOR + timedelta(seconds=4 * 3600 * (1 + 100e-6))
    assert abs(clock.time_of(4 * 3600 * RATE) - true) < timedelta(milliseconds=60)


def test_late_blocks_alone_do_not_move_the_clock() -> None:
    clock = StreamClock(RATE, ANCHOR)
    assert not any(arrivals(clock, 600, drift=0, jitter_s=0.3))
    assert abs(clock.anchor - ANCHOR) < timedelta(milliseconds=200)


@pytest.mark.parametrize("step_s", [-3600.0, -1.0, 2.0, 86_400.0])
def test_a_step_of_the_wall_clock_is_told_once_and_taken_up(step_s: float) -> None:
    clock = StreamClock(RATE, ANCHOR)
    now = ANCHOR + timedelta(seconds=step_s)
    steps = [
        clock.discipline(second * RATE, now + timedelta(seconds=second))
        for second in range(1, 5 * DISCIPLINE_S)
    ]
    assert steps.count(True) == 1
    assert abs((clock.anchor - now).total_seconds()) < CLOCK_STEP_S


def test_recent_sound_is_cut_to_the_frame() -> None:
    recent = RecentSound(10)
    for start in range(0, 5 * RATE, RATE // 10):
        recent.add(block(start, RATE // 10))
    cut = recent.cut(12_345, 98_765)
    assert cut is not None
    assert (cut.start_frame, cut.frames, cut.gap) == (12_345, 98_765 - 12_345, False)
    np.testing.assert_array_equal(cut.pressure_pa[:, 0], np.arange(12_345, 98_765))


def test_old_sound_is_forgotten() -> None:
    recent = RecentSound(1)
    for start in range(0, 5 * RATE, RATE // 10):
        recent.add(block(start, RATE // 10))
    assert recent.cut(0, 3 * RATE) is None
    cut = recent.cut(0, 5 * RATE)
    assert cut is not None
    assert cut.frames == RATE


def test_a_gap_within_is_told_and_one_before_is_not() -> None:
    recent = RecentSound(10)
    recent.add(block(0, 100))
    recent.add(block(200, 100, gap=True))
    within = recent.cut(50, 250)
    after = recent.cut(210, 250)
    assert within is not None
    assert within.gap
    assert after is not None
    assert not after.gap
