"""Checks of the third octaves against IEC 61260-1:2014, class 1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from sensor.acoustics.bands import SecondAnalysis, third_octaves
from sensor.acoustics.checks import (
    Check,
    CheckTable,
    amplitude_pa,
    meter_readings,
    second_reading,
    steady_tone,
    time_s,
    whole_reading,
)
from sensor.acoustics.levels import REFERENCE_PRESSURE_PA
from sensor.acoustics.limits import rows, text_limit

LEVEL_DB: Final = 94.0


def band_tables(sample_rate: int) -> Iterator[CheckTable]:
    """Measure table after table at one sample rate.

    Raises
    ------
    MeterError
        If the rate is outside 16 to 192 kHz.
    """
    yield _attenuation(sample_rate)
    yield _bandwidth(sample_rate)
    yield _band_linearity(sample_rate)
    yield _sweep(sample_rate)
    yield _summation(sample_rate)


def _attenuation(rate: int) -> CheckTable:
    bands = third_octaves(rate)
    analysis = SecondAnalysis(rate, bands)
    time = np.arange(analysis.frames) / rate
    checks = []
    for number, band in enumerate(bands):
        nearest: Check | None = None
        for frequency, least, most in _mask(band.centre_hz):
            if not 2 < frequency < rate / 2:
                continue
            signal = np.sqrt(2) * np.sin(2 * np.pi * frequency * time + 0.4)
            energies = analysis.mean_squares(signal)
            attenuation = -10 * np.log10(energies[:, number] + 1e-30)
            for value in (float(attenuation.min()), float(attenuation.max())):
                what = f"{band.nominal_hz:g} Hz, at {frequency:.4g} Hz"
                check = Check(what, value, 0.0, least, most)
                if nearest is None or check.margin < nearest.margin:
                    nearest = check
        if nearest is not None:
            checks.append(nearest)
    return CheckTable(
        "IEC 61260-1:2014, 5.10, Table 1", "Relative attenuation of the third octaves", "dB",
        tuple(checks), "very high",
        "Of every breakpoint of the mask on either side of each band, the one nearest its limit.",
    )  # fmt: skip


def _mask(centre_hz: float) -> Iterator[tuple[float, float, float]]:
    for row in rows("iec61260_1_2014_mask_third_octave"):
        # The band's edge has one limit from inside and another from outside.
        nudge = {"inside": 1 - 1e-5, "outside": 1 + 1e-5}.get(row["side_of_edge"], 1.0)
        limits = float(row["class1_min"]), float(row["class1_max"])
        for omega in {float(row["omega_high"]), float(row["omega_low"])}:
            yield centre_hz * omega**nudge, *limits


def _band_limits(clause: str) -> tuple[float, float]:
    text = text_limit("61260", clause)
    if "/" in text:
        upper, lower = (float(part) for part in text.split("/"))
        return lower, upper
    limit = float(text.removeprefix("+-"))
    return -limit, limit


def _bandwidth(rate: int) -> CheckTable:
    click = np.zeros(3 * rate)
    click[round(1.37 * rate)] = 1.0
    levels = whole_reading(click, rate, bands=True).bands_db or {}
    level_db = -10 * np.log10(REFERENCE_PRESSURE_PA**2 * click.size)
    checks = []
    for band in third_octaves(rate):
        share_db = 10 * np.log10((band.upper_hz - band.lower_hz) / (rate / 2))
        measured = levels[band.nominal_hz] - level_db - share_db
        checks.append(
            Check(f"{band.nominal_hz:g} Hz", float(measured), 0.0, *_band_limits("5.12.2"))
        )
    return CheckTable(
        "IEC 61260-1:2014, 5.12", "Effective bandwidth", "dB", tuple(checks), "medium",
        "From the flat spectrum of a click.",
    )  # fmt: skip


def _band_linearity(rate: int) -> CheckTable:
    bands = third_octaves(rate)
    checks = []
    for band in (bands[0], bands[16], bands[-1]):
        frequency = band.centre_hz
        for level in (140, 120, 100, 80, 60, 40, 30):
            # Two seconds either side, so that the tone's beginning is far from what is read.
            readings, _ = meter_readings(steady_tone(frequency, level, 4.0, rate), rate, bands=True)
            measured = (readings[2].bands_db or {})[band.nominal_hz]
            limits = _band_limits("5.13.3" if level >= 100 else "5.13.4")
            what = f"{band.nominal_hz:g} Hz at {level} dB"
            checks.append(Check(what, measured, float(level), *limits))
    return CheckTable(
        "IEC 61260-1:2014, 5.13", "Level linearity of bands", "dB", tuple(checks), "medium"
    )


def _sweep(rate: int) -> CheckTable:
    seconds_per_decade, first_hz = 3.0, 10.0
    last_hz = 0.48 * rate
    growth = np.log(10) / seconds_per_decade
    time = time_s(seconds_per_decade * np.log10(last_hz / first_hz), rate)
    phase = 2 * np.pi * first_hz / growth * np.expm1(growth * time)
    silence = np.zeros(rate)
    signal = np.concatenate([silence, amplitude_pa(80) * np.sin(phase), silence])
    reading = whole_reading(signal, rate, bands=True)
    expected = 80 + 10 * np.log10(0.1 * seconds_per_decade * rate / signal.size)
    checks = tuple(
        Check(f"{hz:g} Hz", level, float(expected), *_band_limits("5.14.3"))
        for hz, level in (reading.bands_db or {}).items()
        if hz * 10**0.05 < last_hz
    )
    return CheckTable(
        "IEC 61260-1:2014, 5.14", "Time invariance: Leq of an exponential sweep", "dB", checks,
        "medium", f"{seconds_per_decade:g} s a decade.",
    )  # fmt: skip


def _summation(rate: int) -> CheckTable:
    checks = []
    for frequency in (50.0, 112.2, 354.8, 1000.0, 1122.0, 4000.0, 4467.0):
        reading = second_reading(steady_tone(frequency, LEVEL_DB, 2.5, rate), rate, bands=True)
        levels = np.array(list((reading.bands_db or {}).values()))
        total = float(10 * np.log10(np.sum(10 ** (levels / 10))))
        checks.append(Check(f"{frequency:g} Hz", total, LEVEL_DB, *_band_limits("5.16")))
    return CheckTable(
        "IEC 61260-1:2014, 5.16", "Sum of the bands' outputs", "dB", tuple(checks), "medium",
        "Tones at mid-band frequencies and at edges of bands.",
    )  # fmt: skip
