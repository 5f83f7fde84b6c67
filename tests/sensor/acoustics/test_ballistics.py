"""Tone bursts and decay: IEC 61672-1:2013, 5.8 to 5.10 and Table 4.

Confidence: responses of Table 4 very high, its class 1 limits and the F decay high, the S decay
high, repeated bursts (5.10) medium.
"""

from __future__ import annotations

import numpy as np
import pytest

from sensor.acoustics import SoundLevelMeter
from sensor.acoustics.ballistics import TimeWeighting
from sensor.acoustics.weighting import weighting_db
from tests.sensor.acoustics.signals import blocks, burst, feed, known, read, table, tone

FAST = table("iec61672_1_2013_table4_fast_lae")
SLOW = table("iec61672_1_2013_table4_slow")
LEVEL_DB = 100.0
STEADY_DB = LEVEL_DB + float(weighting_db("A", 4000))
# The burst begins on the grid, between two samples, and across the border of a second.
CASES = ((48_000, 0.5), (48_000, 0.50031), (48_000, 0.9997), (44_100, 0.7003), (96_000, 0.61))


@pytest.mark.parametrize(("rate", "start_s"), CASES)
@pytest.mark.parametrize("row", FAST, ids=lambda row: row["burst_ms"])
def test_fast_and_exposure_of_single_bursts(rate: int, start_s: float, row: dict[str, str]) -> None:
    duration_s = float(row["burst_ms"]) / 1000
    readings = read(burst(4000, LEVEL_DB, duration_s, rate, start_s=start_s), rate)
    fast = max(known(r.lafmax_db) for r in readings if r.lafmax_db is not None) - STEADY_DB
    exposure = 10 * np.log10(sum(10 ** (known(r.lae_db) / 10) for r in readings if r.lae_db))
    for measured, goal in (
        (fast, row["LAFmax_minus_LA_dB"]),
        (exposure - STEADY_DB, row["LAE_minus_LA_dB"]),
    ):
        deviation = measured - float(goal)
        assert float(row["class1_lower"]) <= deviation <= float(row["class1_upper"])
    if duration_s > 0.0005:
        # Bursts of two cycles and less are smeared by the weighting itself, not by the meter.
        assert fast == pytest.approx(float(row["LAFmax_formula"]), abs=0.1)
        assert exposure - STEADY_DB == pytest.approx(float(row["LAE_formula"]), abs=0.1)


@pytest.mark.parametrize(("rate", "start_s"), CASES)
@pytest.mark.parametrize("row", SLOW, ids=lambda row: row["burst_ms"])
def test_slow_of_single_bursts(rate: int, start_s: float, row: dict[str, str]) -> None:
    duration_s = float(row["burst_ms"]) / 1000
    readings = read(burst(4000, LEVEL_DB, duration_s, rate, start_s=start_s), rate)
    slow = max(known(r.lasmax_db) for r in readings if r.lasmax_db is not None) - STEADY_DB
    deviation = slow - float(row["LASmax_minus_LA_dB"])
    assert float(row["class1_lower"]) <= deviation <= float(row["class1_upper"])
    assert slow == pytest.approx(float(row["formula"]), abs=0.1)


@pytest.mark.parametrize(
    ("weighting", "rate_db_s", "above", "below"), [("F", 34.7, 3.8, 3.7), ("S", 4.3, 0.8, 0.7)]
)
def test_decay_after_a_tone_stops(
    weighting: str, rate_db_s: float, above: float, below: float
) -> None:
    energies = np.zeros((24, 125))
    energies[:16] = 1.0
    fast, slow = TimeWeighting().process(energies)
    level = 10 * np.log10((fast if weighting == "F" else slow)[17:].ravel())
    decay = (level[0] - level[-1]) / ((level.size - 1) / 1000)
    assert rate_db_s - below <= decay <= rate_db_s + above
    assert decay == pytest.approx(10 * np.log10(np.e) / (0.125 if weighting == "F" else 1.0))


def test_decay_through_the_meter() -> None:
    signal = np.concatenate([tone(1000, 100, 2.0, 48_000), np.zeros(48_000)])
    _, steps = feed(SoundLevelMeter(48_000, bands=False), blocks(signal, 48_000, 4800))
    falling = [step.lafmax_db for step in steps[17:23]]
    assert np.diff(falling) * 8 == pytest.approx(-34.74, abs=0.1)


@pytest.mark.parametrize(("burst_ms", "period_s"), [(0.25, 0.1), (5, 0.1), (200, 0.5)])
def test_repeated_bursts_keep_their_mean(burst_ms: float, period_s: float) -> None:
    rate, total_s = 48_000, 4.0
    time = np.arange(int(rate * total_s)) / rate
    inside = (time % period_s) < burst_ms / 1000 - 1e-9
    signal = np.where(inside, tone(4000, LEVEL_DB, total_s, rate), 0.0)
    readings = read(signal, rate)
    mean = 10 * np.log10(np.mean([10 ** (known(r.laeq_db) / 10) for r in readings]))
    expected = STEADY_DB + 10 * np.log10(burst_ms / 1000 / period_s)
    row = next(row for row in FAST if float(row["burst_ms"]) == burst_ms)
    assert float(row["class1_lower"]) <= mean - expected <= float(row["class1_upper"])


def test_fast_slow_and_mean_agree_for_a_steady_tone() -> None:
    reading = read(tone(1000, 94.0, 12.0, 48_000), 48_000)[11]
    assert reading.lafmax_db == pytest.approx(known(reading.laeq_db), abs=0.01)
    assert reading.lafmin_db == pytest.approx(known(reading.laeq_db), abs=0.01)
    assert reading.lasmax_db == pytest.approx(known(reading.laeq_db), abs=0.01)
    for percentile in (reading.laf10_db, reading.laf50_db, reading.laf90_db):
        assert percentile == pytest.approx(known(reading.laeq_db), abs=0.02)


def test_a_tenth_and_nine_tenths_of_the_time() -> None:
    # 80 dB for 12 %, 70 dB for 76 %, 60 dB for 12 %: each long enough for F to settle.
    rate = 16_000
    levels = ((80, 6.0), (70, 38.0), (60, 6.0))
    signal = np.concatenate([tone(1000, level, duration, rate) for level, duration in levels])
    meter = SoundLevelMeter(rate, period_s=0, bands=False)
    (reading,), _ = feed(meter, blocks(signal, rate, 16_000))
    assert reading.laf10_db == pytest.approx(80, abs=0.1)
    assert reading.laf50_db == pytest.approx(70, abs=0.1)
    assert reading.laf90_db == pytest.approx(60, abs=0.1)
