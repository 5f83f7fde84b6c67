"""LCpeak: IEC 61672-1:2013, 5.13 and Table 5 (confidence in its limits: medium to high)."""

from __future__ import annotations

import numpy as np
import pytest

from sensor.acoustics.peak import PeakDetector
from sensor.acoustics.weighting import weighting_db
from tests.sensor.acoustics.signals import amplitude_pa, known, read, table, tone

ROWS = table("iec61672_1_2013_table5_cpeak")
LEVEL_DB = 110.0


def _cycle(signal: str, frequency_hz: float, rate: int, offset: float) -> np.ndarray:
    duration_s = (1.0 if signal == "one cycle" else 0.5) / frequency_hz
    time = (np.arange(rate) - 0.3 * rate - offset) / rate
    sign = -1 if signal.startswith("negative") else 1
    sine = sign * amplitude_pa(LEVEL_DB) * np.sin(2 * np.pi * frequency_hz * time)
    return np.where((time >= 0) & (time < duration_s), sine, 0.0)


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
@pytest.mark.parametrize("offset", [0.0, 0.25, 0.5, 0.8])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['signal']} {row['nominal_hz']}")
def test_peak_of_cycles(rate: int, offset: float, row: dict[str, str]) -> None:
    frequency = {31.5: 31.623, 500: 501.187, 8000: 7943.282}[float(row["nominal_hz"])]
    steady_db = LEVEL_DB + float(weighting_db("C", frequency))
    peak = known(read(_cycle(row["signal"], frequency, rate, offset), rate)[0].lcpeak_db)
    deviation = peak - steady_db - float(row["LCpeak_minus_LC_dB"])
    assert abs(deviation) <= float(row["class1_pm"])


@pytest.mark.parametrize("frequency_hz", [31.5, 1000, 8000, 11_900, 16_000])
@pytest.mark.parametrize("phase", [0.0, 0.4, np.pi / 4, 1.5])
def test_peak_of_a_steady_tone_is_its_crest(frequency_hz: float, phase: float) -> None:
    reading = read(tone(frequency_hz, 94.0, 2.0, 48_000, phase), 48_000, block=48_000)[1]
    crest_db = 94 + float(weighting_db("C", frequency_hz)) + 10 * np.log10(2)
    assert known(reading.lcpeak_db) == pytest.approx(crest_db, abs=0.08)


def test_a_crest_at_a_border_is_found_in_one_of_its_steps() -> None:
    time = np.arange(-3000, 3000) / 48_000
    crest = np.sinc(12_000 * (time - 0.4 / 48_000))
    detector = PeakDetector()
    peaks = detector.process(crest, [slice(0, 3000), slice(3000, 6000)])
    assert max(peaks) == pytest.approx(1.0, abs=0.002)
