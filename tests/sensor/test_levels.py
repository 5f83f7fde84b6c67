from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from sensor.acoustics.meter import LevelReading, SoundLevelMeter
from sensor.blocks import AudioBlock, StreamClock
from sensor.contract import codec
from sensor.contract.messages import LevelBatch
from sensor.levels import LevelBatcher

RATE = 16_000


def readings(seconds: int, lost: range = range(0)) -> list[LevelReading]:
    """Readings of a steady tone of 74 dB at 1 kHz, with the seconds in `lost` never recorded."""
    meter = SoundLevelMeter(RATE)
    time_s = np.arange(RATE) / RATE
    tone = (0.1 * np.sqrt(2) * np.sin(2 * np.pi * 1000 * time_s)).astype(np.float32)[:, None]
    found: list[LevelReading] = []
    for second in range(seconds):
        if second in lost:
            continue
        gap = second - 1 in lost
        found += meter.process(AudioBlock(tone, RATE, second * RATE, gap))[0]
    return found + meter.flush()[0]


def batches(
    start: datetime, taken: list[LevelReading], interval_s: int = 1, batch_s: int = 60
) -> list[LevelBatch]:
    batcher = LevelBatcher("a", StreamClock(RATE, start), interval_s, batch_s)
    return [batch for reading in taken for batch in batcher.add(reading)] + batcher.flush()


def test_batches_end_on_whole_minutes() -> None:
    start = datetime(2026, 11, 22, 12, 0, 40, 300_000, tzinfo=UTC)
    found = batches(start, readings(100))
    assert [len(batch.laeq_db) for batch in found] == [20, 60, 20]
    assert [batch.start.second for batch in found] == [40, 0, 0]
    assert found[0].start == start


def test_levels_of_a_steady_tone_are_its_level() -> None:
    (batch,) = batches(datetime(2026, 11, 22, tzinfo=UTC), readings(10))
    assert batch.laeq_db[1:] == (74.0,) * 9
    assert batch.laf50_db == pytest.approx(74.0, abs=0.1)
    assert batch.bands_db is not None
    assert batch.bands_db["1000"] == pytest.approx(74.0, abs=0.2)
    assert codec.decode(codec.encode(batch)) == batch


def test_seconds_that_never_came_are_null_in_their_place() -> None:
    (batch,) = batches(datetime(2026, 11, 22, tzinfo=UTC), readings(10, lost=range(3, 6)))
    assert [level is None for level in batch.laeq_db] == [
        second in (3, 4, 5) for second in range(10)
    ]
    assert "gap" in batch.flags


def test_thin_lines_get_one_value_a_minute() -> None:
    start = datetime(2026, 11, 22, 12, tzinfo=UTC)
    (batch,) = batches(start, readings(180), interval_s=60, batch_s=3600)
    assert len(batch.laeq_db) == 3
    assert batch.laeq_db[1] == 74.0
