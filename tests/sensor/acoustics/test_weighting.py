"""Frequency weightings: IEC 61672-1:2013, Table 3 (confidence in its class 1 limits: high)."""

from __future__ import annotations

import numpy as np
import pytest

from sensor.acoustics import combine
from sensor.acoustics.levels import level_db
from sensor.acoustics.weighting import (
    CLASS1_TOP_HZ,
    Curve,
    FrequencyWeighting,
    carried_to_hz,
    weighting_db,
    weighting_sections,
)
from sensor.errors import MeterError
from tests.sensor.acoustics.signals import known, read, table, tone

TABLE_3 = table("iec61672_1_2013_table3")
RATES = (16_000, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000)


def test_analytic_curves_are_those_of_the_standard() -> None:
    for row in TABLE_3:
        frequency = float(row["exact_hz"])
        assert weighting_db("A", frequency) == pytest.approx(float(row["A_analytic_dB"]), abs=1e-3)
        assert weighting_db("C", frequency) == pytest.approx(float(row["C_analytic_dB"]), abs=1e-3)
        assert weighting_db("Z", frequency) == 0.0


@pytest.mark.parametrize("rate", RATES)
def test_filters_follow_the_analytic_curves(rate: int) -> None:
    frequency = np.geomspace(10, min(20_000, 0.45 * rate), 1000)
    responses = [section.response(frequency, rate) for section in weighting_sections(rate)]
    response_c = responses[0] * responses[1]
    response_a = response_c * responses[2] * responses[3]
    tolerance = 0.01 if rate >= 32_000 else 0.04
    for curve, response in (("C", response_c), ("A", response_a)):
        deviation = 20 * np.log10(np.abs(response)) - weighting_db(curve, frequency)  # type: ignore[arg-type]  # a str that is a Curve
        assert np.abs(deviation).max() < tolerance


@pytest.mark.parametrize("rate", RATES)
def test_no_frequency_is_amplified_beyond_the_curve(rate: int) -> None:
    frequency = np.linspace(0.45 * rate, rate / 2, 200)
    sections = weighting_sections(rate)
    response = np.prod([section.response(frequency, rate) for section in sections], axis=0)
    top = weighting_db("A", 0.45 * rate)
    assert (20 * np.log10(np.abs(response)) < top + 1.0).all()


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_tones_through_the_meter_pass_table_3(rate: int) -> None:
    for row in TABLE_3:
        frequency = float(row["exact_hz"])
        if frequency > carried_to_hz(rate):
            continue
        # Parts of a cycle at either end count less, the more cycles there are.
        seconds = 6.0 if frequency < 400 else 2.0
        reading = combine(read(tone(frequency, 94.0, seconds, rate, phase=0.7), rate)[1:])
        for curve, level in (
            ("A", reading.laeq_db),
            ("C", reading.lceq_db),
            ("Z", reading.lzeq_db),
        ):
            relative = known(level) - 94.0
            goal = float(row["Z_dB" if curve == "Z" else f"{curve}_table_dB"])
            assert float(row["class1_lower"]) <= relative - goal <= float(row["class1_upper"])
            assert relative == pytest.approx(weighting_db(curve, frequency), abs=0.1)  # type: ignore[arg-type]  # a str that is a Curve


def test_weightings_agree_at_1_khz() -> None:
    reading = read(tone(1000, 94.0, 2.0, 48_000), 48_000)[1]
    assert known(reading.lceq_db) == pytest.approx(known(reading.laeq_db), abs=0.01)
    assert known(reading.lzeq_db) == pytest.approx(known(reading.laeq_db), abs=0.01)


@pytest.mark.parametrize("curve", ["A", "C"])
def test_white_noise_has_the_power_of_the_curve(curve: Curve) -> None:
    rate = 48_000
    generator = np.random.default_rng(5)
    a_pa, c_pa = FrequencyWeighting(rate).process(generator.standard_normal(20 * rate))
    frequency = np.linspace(1, rate / 2, 200_000)
    expected = np.mean(10 ** (weighting_db(curve, frequency) / 10))
    measured = np.mean(np.square(a_pa if curve == "A" else c_pa))
    # Above 0.45 of the rate the filter leaves the curve; that costs 0.1 dB at most.
    assert level_db(float(measured)) == pytest.approx(level_db(float(expected)), abs=0.1)


@pytest.mark.parametrize("rate", [8_000, 15_999, 384_000])
def test_rates_that_cannot_be_measured_are_refused(rate: int) -> None:
    with pytest.raises(MeterError, match=str(rate)):
        weighting_sections(rate)


def test_a_rate_says_what_it_carries() -> None:
    assert carried_to_hz(16_000) == 7200
    assert carried_to_hz(32_000) < CLASS1_TOP_HZ < carried_to_hz(44_100)
