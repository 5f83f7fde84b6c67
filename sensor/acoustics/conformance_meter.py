"""Checks of the levels against IEC 61672-1:2013, class 1."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf
from typing import Final

import numpy as np

from sensor.acoustics.checks import (
    Array,
    Check,
    CheckTable,
    amplitude_pa,
    level_or_nothing,
    meter_readings,
    second_reading,
    steady_tone,
    time_s,
    whole_reading,
)
from sensor.acoustics.limits import rows, text_limit
from sensor.acoustics.readings import LevelReading, combine
from sensor.acoustics.weighting import Curve, carried_to_hz, weighting_db

LEVEL_DB: Final = 94.0
BURST_LEVEL_DB: Final = 100.0
# Where a burst begins on the grid of time; the worst of them counts.
BURST_STARTS_S: Final = (0.5, 0.50031, 0.9997)


def meter_tables(sample_rate: int) -> Iterator[CheckTable]:
    """Measure table after table at one sample rate.

    Raises
    ------
    MeterError
        If the rate is outside 16 to 192 kHz.
    """
    yield from _weightings(sample_rate)
    yield _at_1_khz(sample_rate)
    yield _linearity(sample_rate)
    yield _decay(sample_rate)
    yield _bursts("LAFmax", sample_rate)
    yield _bursts("LASmax", sample_rate)
    yield _bursts("LAE", sample_rate)
    yield _repeated_bursts(sample_rate)
    yield _peaks(sample_rate)
    yield _overload(sample_rate)


def _weightings(rate: int) -> Iterator[CheckTable]:
    """Tables of A, C and Z, read from the same tones."""
    checks: dict[Curve, list[Check]] = {"A": [], "C": [], "Z": []}
    for row in rows("iec61672_1_2013_table3"):
        frequency = float(row["exact_hz"])
        if frequency > carried_to_hz(rate):
            continue
        # Parts of a cycle at either end count less, the more cycles there are.
        duration_s = 11.0 if frequency < 400 else 3.0
        sound = steady_tone(frequency, LEVEL_DB, duration_s, rate)
        reading = combine(meter_readings(sound, rate)[0][1:])
        levels = {"A": reading.laeq_db, "C": reading.lceq_db, "Z": reading.lzeq_db}
        for curve, found in checks.items():
            found.append(
                Check(
                    f"{row['nominal_hz']} Hz",
                    level_or_nothing(levels[curve]) - LEVEL_DB,
                    float(weighting_db(curve, frequency)),
                    float(row["class1_lower"]),
                    float(row["class1_upper"]),
                )
            )
    for curve, found in checks.items():
        yield CheckTable(
            "IEC 61672-1:2013, 5.5, Table 3",
            f"Frequency weighting {curve}",
            "dB",
            tuple(found),
            "high",
            f"Steady tones of {LEVEL_DB:g} dB at the exact frequencies 1000 x 10^(n/10) Hz; goals "
            "are the analytic curve (annex E) there. This sample rate carries up to "
            f"{carried_to_hz(rate):.0f} Hz.",
        )


def _at_1_khz(rate: int) -> CheckTable:
    reading = second_reading(steady_tone(1000, LEVEL_DB, 2.0, rate), rate)
    limit = float(text_limit("61672", "5.5.9"))
    steady = meter_readings(steady_tone(1000, LEVEL_DB, 10.0, rate), rate)[0][9]
    between = float(text_limit("61672", "5.8.3"))
    a, c, z = (
        level_or_nothing(reading.laeq_db),
        level_or_nothing(reading.lceq_db),
        level_or_nothing(reading.lzeq_db),
    )
    slow_fast = level_or_nothing(steady.lasmax_db) - level_or_nothing(steady.lafmax_db)
    mean_fast = level_or_nothing(steady.laeq_db) - level_or_nothing(steady.lafmax_db)
    checks = (
        Check("C minus A", c - a, 0.0, -limit, limit),
        Check("Z minus A", z - a, 0.0, -limit, limit),
        Check("S minus F, steady tone", slow_fast, 0.0, -between, between),
        Check("Leq minus F, steady tone", mean_fast, 0.0, -between, between),
    )
    return CheckTable(
        "IEC 61672-1:2013, 5.5.9 and 5.8.3", "Agreement at 1 kHz", "dB", checks, "high"
    )


def _linearity(rate: int) -> CheckTable:
    limit = float(text_limit("61672", "5.6.5"))
    checks = []
    for frequency in (31.5, 1000.0, 4000.0, 8000.0):
        if frequency > carried_to_hz(rate):
            continue
        reference = level_or_nothing(
            second_reading(steady_tone(frequency, LEVEL_DB, 2.0, rate), rate).laeq_db
        )
        for level in (140, 120, 100, 80, 60, 40, 30):
            measured = level_or_nothing(
                second_reading(steady_tone(frequency, level, 2.0, rate), rate).laeq_db
            )
            goal = reference + level - LEVEL_DB
            checks.append(Check(f"{frequency:g} Hz at {level} dB", measured, goal, -limit, limit))
    return CheckTable(
        "IEC 61672-1:2013, 5.6", "Level linearity, LAeq", "dB", tuple(checks), "high",
        "Of the arithmetic; the range of a node is that of its microphone and converter.",
    )  # fmt: skip


def _decay(rate: int) -> CheckTable:
    tone = steady_tone(1000, BURST_LEVEL_DB, 8.0, rate)
    readings, steps = meter_readings(np.concatenate([tone, np.zeros(3 * rate)]), rate)
    fast_rate = (steps[65].lafmax_db - steps[68].lafmax_db) / 0.375
    slow_rate = level_or_nothing(readings[9].lasmax_db) - level_or_nothing(readings[10].lasmax_db)
    checks = (Check("F", fast_rate, 34.7, -3.7, 3.8), Check("S", slow_rate, 4.3, -0.7, 0.8))
    return CheckTable(
        "IEC 61672-1:2013, 5.8.2", "Decay after a tone stops", "dB/s", checks, "high",
        "Exponential averaging with 125 ms and 1 s decays by 34.74 and 4.343 dB/s.",
    )  # fmt: skip


def _burst(burst_s: float, start_s: float, rate: int) -> Array:
    time = time_s(2.5, rate) - start_s
    inside = (time >= 0) & (time < burst_s)
    return np.where(inside, amplitude_pa(BURST_LEVEL_DB) * np.sin(2 * np.pi * 4000 * time), 0.0)


def _worst(measured: list[float], what: str, goal: float, lower: float, upper: float) -> Check:
    checks = [Check(what, value, goal, lower, upper) for value in measured]
    return max(checks, key=lambda check: abs(check.deviation))


def _bursts(quantity: str, rate: int) -> CheckTable:
    table, column, read = _BURST_TABLES[quantity]
    steady_db = BURST_LEVEL_DB + float(weighting_db("A", 4000))
    checks = []
    for row in rows(table):
        burst_s = float(row["burst_ms"]) / 1000
        values = [
            read(whole_reading(_burst(burst_s, start_s, rate), rate)) - steady_db
            for start_s in BURST_STARTS_S
        ]
        limits = float(row["class1_lower"]), float(row["class1_upper"])
        checks.append(_worst(values, f"{row['burst_ms']} ms", float(row[column]), *limits))
    return CheckTable(
        "IEC 61672-1:2013, 5.9, Table 4",
        f"4 kHz tone bursts, {quantity} minus LA",
        "dB",
        tuple(checks),
        "high",
        "The worst of bursts that begin on the grid, between two samples and across a second; "
        "goals are those of the formulas.",
    )


_BURST_TABLES: Final[dict[str, tuple[str, str, Callable[[LevelReading], float]]]] = {
    "LAFmax": (
        "iec61672_1_2013_table4_fast_lae", "LAFmax_formula", lambda r: level_or_nothing(r.lafmax_db)
    ),
    "LAE": ("iec61672_1_2013_table4_fast_lae", "LAE_formula", lambda r: level_or_nothing(r.lae_db)),
    "LASmax": ("iec61672_1_2013_table4_slow", "formula", lambda r: level_or_nothing(r.lasmax_db)),
}  # fmt: skip


def _repeated_bursts(rate: int) -> CheckTable:
    limits = {
        float(row["burst_ms"]): (float(row["class1_lower"]), float(row["class1_upper"]))
        for row in rows("iec61672_1_2013_table4_fast_lae")
    }
    time = time_s(4.0, rate)
    steady_db = BURST_LEVEL_DB + float(weighting_db("A", 4000))
    checks = []
    for burst_ms, period_s in ((0.25, 0.05), (1.0, 0.05), (10.0, 0.1), (200.0, 0.5)):
        inside = (time % period_s) < burst_ms / 1000 - 1e-9
        sine = amplitude_pa(BURST_LEVEL_DB) * np.sin(2 * np.pi * 4000 * time)
        measured = (
            level_or_nothing(whole_reading(np.where(inside, sine, 0.0), rate).laeq_db) - steady_db
        )
        goal = 10 * np.log10(burst_ms / 1000 / period_s)
        what = f"{burst_ms:g} ms every {period_s * 1000:g} ms"
        checks.append(Check(what, measured, float(goal), *limits[burst_ms]))
    return CheckTable(
        "IEC 61672-1:2013, 5.10", "Repeated 4 kHz tone bursts, LAeq minus LA", "dB",
        tuple(checks), "medium",
    )  # fmt: skip


def _cycle(signal: str, frequency_hz: float, offset: float, rate: int) -> Array:
    duration_s = (1.0 if signal == "one cycle" else 0.5) / frequency_hz
    time = time_s(1.0, rate) - 0.3 - offset / rate
    sign = -1 if signal.startswith("negative") else 1
    sine = sign * amplitude_pa(BURST_LEVEL_DB) * np.sin(2 * np.pi * frequency_hz * time)
    return np.where((time >= 0) & (time < duration_s), sine, 0.0)


def _peaks(rate: int) -> CheckTable:
    checks = []
    for row in rows("iec61672_1_2013_table5_cpeak"):
        nominal = float(row["nominal_hz"])
        if nominal > carried_to_hz(rate):
            continue
        exact = 1000 * 10 ** (round(10 * np.log10(nominal / 1000)) / 10)
        steady_db = BURST_LEVEL_DB + float(weighting_db("C", exact))
        values = [
            level_or_nothing(
                whole_reading(_cycle(row["signal"], exact, offset, rate), rate).lcpeak_db
            )
            - steady_db
            for offset in (0.0, 0.25, 0.5, 0.8)
        ]
        limit, goal = float(row["class1_pm"]), float(row["LCpeak_minus_LC_dB"])
        checks.append(_worst(values, f"{row['signal']}, {nominal:g} Hz", goal, -limit, limit))
    return CheckTable(
        "IEC 61672-1:2013, 5.13, Table 5", "LCpeak minus LC", "dB", tuple(checks),
        "medium to high", "The worst of four phases between samples.",
    )  # fmt: skip


def _overload(rate: int) -> CheckTable:
    """Level at which half cycles of either sign are first told as overload."""
    first: dict[str, float] = {}
    for signal in ("positive half cycle", "negative half cycle"):
        for tenth in range(-20, 21):
            level = BURST_LEVEL_DB + tenth / 10
            half = _cycle(signal, 4000 / 4, 0.0, rate) * 10 ** (tenth / 200)
            limit_pa = amplitude_pa(BURST_LEVEL_DB)
            if meter_readings(half, rate, limit_pa=limit_pa)[0][0].overload:
                first[signal] = level
                break
    limit = float(text_limit("61672", "5.11.3"))
    difference = first.get("positive half cycle", inf) - first.get("negative half cycle", inf)
    check = Check("positive minus negative half cycle, 1 kHz", difference, 0.0, -limit, limit)
    return CheckTable(
        "IEC 61672-1:2013, 5.11.3", "First indication of overload", "dB", (check,), "high"
    )
