"""The queue behind a sound card, and the count of frames over losses."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.inputs.capture import CaptureQueue, Chunk, FrameCount
from tests.sensor.inputs.streams import RATE

FRAMES = 4800


def _samples(
    frames: int = FRAMES, value: float = 0.0
) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return np.full((frames, 1), value, dtype=np.float32)


def _chunk(
    at_s: float, *, overflow: bool = False, dropped_frames: int = 0, opening: int = 0
) -> Chunk:
    arrived_s = 1000.0 + at_s + FRAMES / RATE
    return Chunk(_samples(), at_s, arrived_s, overflow, dropped_frames, opening)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.booleans(), max_size=60), st.integers(1, 5))
def test_what_the_queue_drops_is_counted_to_the_frame(reads: list[bool], capacity: int) -> None:
    queue, count = CaptureQueue(capacity), FrameCount(RATE)
    placed = []
    for number, reads_one in enumerate([*reads, *[True] * (capacity + 1)]):
        queue.put(_samples(value=number), 0.0, 0.0, overflow=False, opening=0)
        chunk = queue.get(0.0) if reads_one else None
        if chunk is not None:
            placed.append((count.place(chunk), chunk))
    for (start_frame, _), chunk in placed:
        # Each chunk carries its own number: it stands where it was heard.
        assert start_frame == FRAMES * int(chunk.samples[0, 0])
    ends = [0, *(start + FRAMES for (start, _), _ in placed)]
    for ((start_frame, gap), _), end in zip(placed, ends, strict=False):
        assert gap == (start_frame != end)


def test_a_run_of_drops_is_one_overflow() -> None:
    queue = CaptureQueue(1)
    for _ in range(5):
        queue.put(_samples(), 0.0, 0.0, overflow=False, opening=0)
    assert queue.overflows == 1
    assert queue.get(0.0) is not None
    queue.put(_samples(), 0.0, 0.0, overflow=True, opening=0)
    assert queue.overflows == 2


def test_the_queue_keeps_a_copy() -> None:
    queue, samples = CaptureQueue(1), _samples()
    queue.put(samples, 0.0, 0.0, overflow=False, opening=0)
    samples += 1.0
    chunk = queue.get(0.0)
    assert chunk is not None
    assert not chunk.samples.any()


def test_an_overflow_that_is_dropped_itself_is_not_forgotten() -> None:
    queue = CaptureQueue(1)
    queue.put(_samples(), 0.0, 0.0, overflow=False, opening=0)
    queue.put(_samples(), 0.3, 0.0, overflow=True, opening=0)
    queue.get(0.0)
    queue.put(_samples(), 0.4, 0.0, overflow=False, opening=0)
    chunk = queue.get(0.0)
    assert chunk is not None
    assert chunk.overflow


def test_an_empty_queue_gives_nothing() -> None:
    assert CaptureQueue(1).get(0.01) is None


def test_without_losses_frames_follow_each_other() -> None:
    count = FrameCount(RATE)
    # The clocks jitter and drift; the count does not care.
    places = [count.place(_chunk(0.1003 * number)) for number in range(5)]
    assert places == [(FRAMES * number, False) for number in range(5)]


def test_what_the_card_lost_is_told_by_the_streams_clock() -> None:
    count = FrameCount(RATE)
    count.place(_chunk(0.0))
    assert count.place(_chunk(0.35, overflow=True)) == (round(0.35 * RATE), True)
    assert count.place(_chunk(0.45)) == (round(0.35 * RATE) + FRAMES, False)


def test_a_clock_that_stands_still_never_folds_time() -> None:
    count = FrameCount(RATE)
    count.place(_chunk(0.0))
    assert count.place(_chunk(0.0, overflow=True)) == (FRAMES, True)
    assert count.place(_chunk(0.0, overflow=True, dropped_frames=700)) == (2 * FRAMES + 700, True)


def test_a_device_that_was_away_leaves_a_gap_as_long() -> None:
    count = FrameCount(RATE)
    count.place(_chunk(0.0))
    assert count.place(_chunk(60.0, opening=1)) == (60 * RATE, True)
    assert count.place(_chunk(60.1, opening=1)) == (60 * RATE + FRAMES, False)
