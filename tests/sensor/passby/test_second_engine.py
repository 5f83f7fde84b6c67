"""A second engine, where it is known whether there is one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sensor.passby import harmonics
from sensor.passby.doppler import Harmonic
from sensor.passby.geometry import FloatArray, Track, heard
from sensor.passby.harmonics import LineSpectra, Warped
from sensor.passby.second_engine import DOUBT, second_engine
from tests.sensor.passby.test_harmonics import C_MPS, RATE, passing_engine

FIRST = Track(14.0, 6.0, 2.5)
FIRST_HZ = 70.0


def spectra_of(signal: FloatArray) -> LineSpectra:
    return harmonics.line_spectra(Warped(signal, np.arange(signal.size) / RATE, RATE))


def known_rates(spectra: LineSpectra) -> harmonics.Rates:
    shift = -np.log1p(heard(FIRST, spectra.heard_s, C_MPS).range_rate)
    sigma = np.full(spectra.heard_s.size, 1e-4)
    return harmonics.Rates(spectra.heard_s, np.log(FIRST_HZ) + shift, sigma)


def heard_beside_the_first(signal: FloatArray) -> bool:
    spectra = spectra_of(signal)
    found = Harmonic(FIRST, 60.0, 0.0, float(np.log(FIRST_HZ)))
    return second_engine(spectra, known_rates(spectra), found, C_MPS, DOUBT)


@pytest.mark.parametrize("noise", [0.05, 0.3, 1.0])
def test_one_engine_leaves_nothing(noise: float) -> None:
    assert not heard_beside_the_first(passing_engine(FIRST, FIRST_HZ, 0.0, noise))


@pytest.mark.parametrize("ratio", [0.5, 1.5])
def test_half_orders_belong_to_the_first(ratio: float) -> None:
    """A four-stroke's cylinders differ: lines at half the rate, as loud as they get."""
    first = passing_engine(FIRST, FIRST_HZ, 0.0, 0.3)
    halves = 0.15 * passing_engine(FIRST, ratio * FIRST_HZ, 0.0, 0.0)
    assert not heard_beside_the_first(first + halves)


@pytest.mark.parametrize("rate_hz", [47.0, 88.0, 103.0])
def test_a_second_one_is_heard(rate_hz: float) -> None:
    further = replace(FIRST, heard_s=3.0, slant_m=9.0)
    first = passing_engine(FIRST, FIRST_HZ, 0.0, 0.3)
    assert heard_beside_the_first(first + passing_engine(further, rate_hz, 0.0, 0.0))


def test_two_of_which_each_is_followed_for_half_the_way() -> None:
    """Where harmonics cross, the rates may change over from one engine to the other."""
    other_hz = 85.0
    both = [passing_engine(FIRST, rate_hz, 0.0, 0.05) for rate_hz in (FIRST_HZ, other_hz)]
    spectra = spectra_of(both[0] + both[1])
    rates = known_rates(spectra)
    changed_over = np.where(rates.heard_s < FIRST.heard_s, 0.0, np.log(other_hz / FIRST_HZ))
    crossing = replace(rates, log_hz=rates.log_hz + changed_over)
    found = Harmonic(FIRST, 60.0, 0.0, float(np.log(FIRST_HZ)))
    assert second_engine(spectra, crossing, found, C_MPS, DOUBT)


@pytest.mark.parametrize("heard_s", [-6.5, 11.5])
def test_one_that_passes_nine_seconds_before_or_after_is_another_pass(heard_s: float) -> None:
    """In a quiet street it is heard, and spoils nothing."""
    other = replace(FIRST, heard_s=heard_s, slant_m=9.0)
    first = passing_engine(FIRST, FIRST_HZ, 0.0, 0.05)
    assert not heard_beside_the_first(first + passing_engine(other, 88.0, 0.0, 0.0))
