"""Rates a week with Jeffreys' interval, and mean spectra."""

from __future__ import annotations

import math

import numpy as np
import pytest

from collector.analysis.hours import SiteHours
from collector.analysis.spectrum import mean_spectrum
from collector.analysis.weeks import a_week, week_count

_WEEK_S = 7 * 86_400


def test_intervals_are_those_of_the_literature() -> None:
    none, some = a_week(0, 4 * _WEEK_S), a_week(8, 4 * _WEEK_S)
    assert (none.value, none.low) == (0.0, 0.0)
    assert none.high == pytest.approx(0.63, abs=0.005)
    assert some.value == 2.0
    assert (some.low, some.high) == pytest.approx((0.95, 3.77), abs=0.005)


def test_half_a_week_says_less() -> None:
    half, whole = a_week(3, _WEEK_S / 2), a_week(6, _WEEK_S)
    assert half.value == whole.value == 6.0
    assert half.high > whole.high
    assert math.isnan(a_week(0, 0).value)


def test_only_the_week_counts() -> None:
    hours = np.arange(400, dtype=np.int64)
    ones = np.ones(400, dtype=np.int64)
    table = SiteHours("ekskolan", "Europe/Stockholm", hours, 1800 * ones, ones, 0 * ones, ones)
    found = week_count(table, 100, 268)
    assert (found.count, found.measured_s) == (168, 168 * 1800)
    assert found.a_week.value == pytest.approx(336)
    assert week_count(table, 100, 268, "events").count == 168


def test_a_mean_spectrum_is_of_energies_and_weighs_by_time() -> None:
    mean = mean_spectrum([
        (60, {"100": 50.0, "200": 40.0, "400": None}),
        (180, {"100": 70.0, "200": None}),
        (0, {"100": 120.0}),
    ])  # fmt: skip
    assert mean.keys() == {"100", "200"}
    assert mean["100"].leq_db == pytest.approx(10 * math.log10((1e5 + 3e7) / 4))
    assert mean["100"].measured_s == 240
    assert mean["200"].leq_db == pytest.approx(40.0)
    assert mean["200"].measured_s == 60
