"""Frequency weightings A, C and Z (IEC 61672-1:2013, 5.5 and annex E).

The low-frequency poles come from the bilinear transform, which is exact there. Above, the bilinear
transform falls short of the curve by decibels, so a section is fitted to what is left of it: the
squared magnitude of a filter is a ratio of two cosine polynomials, linear in its coefficients up
to the usual reweighting (Sanathanan and Koerner 1963), and its minimum-phase half is the filter.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sensor.acoustics.filtering import BlockFilter, Section
from sensor.errors import MeterError

Curve = Literal["A", "C", "Z"]
Array = NDArray[np.float64]

# Pole frequencies in hertz, IEC 61672-1:2013 annex E.
F1_HZ, F2_HZ, F3_HZ, F4_HZ = 20.598997, 107.65265, 737.86223, 12194.217

LOWEST_RATE: Final = 16_000
HIGHEST_RATE: Final = 192_000
# Share of the sample rate up to which the filters follow the analytic curves.
USABLE_SHARE: Final = 0.45
# The highest frequency at which class 1 has a lower limit too (nominal 16 kHz).
CLASS1_TOP_HZ: Final = 1000 * 10**1.2


def weighting_db(curve: Curve, frequency_hz: ArrayLike) -> Array:
    """Analytic weighting in decibels, zero at 1 kHz (annex E, equations E.1 and E.6)."""
    frequency = np.asarray(frequency_hz, dtype=np.float64)
    if curve == "Z":
        return np.zeros_like(frequency)
    gain: Array = 20 * np.log10(_analytic(curve, frequency) / _analytic(curve, np.array(1000.0)))
    return gain


def carried_to_hz(sample_rate: int) -> float:
    """Highest frequency up to which the weightings hold at a sample rate.

    At least :data:`CLASS1_TOP_HZ` means that the rate carries class 1 of Table 3 in full.

    Raises
    ------
    MeterError
        If the rate is outside 16 to 192 kHz.
    """
    check_rate(sample_rate)
    return USABLE_SHARE * sample_rate


def check_rate(sample_rate: int) -> None:
    """Refuse a sample rate that the meter is not made for."""
    if not LOWEST_RATE <= sample_rate <= HIGHEST_RATE:
        text = (
            f"The sample rate is {sample_rate} Hz, but the sound level meter needs between "
            f"{LOWEST_RATE} and {HIGHEST_RATE} Hz: use a recording or an input with such a rate."
        )
        raise MeterError(text)


@lru_cache(maxsize=8)
def weighting_sections(sample_rate: int) -> tuple[Section, Section, Section, Section]:
    """Chain of filters that is the C weighting after two of them and A after all four.

    C and A have unity gain at 1 kHz. From 10 Hz to 20 kHz or 0.45 of the sample rate they follow
    the analytic curves within 0.01 dB, A below 32 kHz within 0.04 dB.

    Parameters
    ----------
    sample_rate : int
        16 to 192 kHz.

    Returns
    -------
    low_c, high_c, low_a, high_a : Section
        The poles at low frequencies, and what completes them, of C and of A relative to C.

    Raises
    ------
    MeterError
        If the rate is outside that range.
    """
    top_hz = carried_to_hz(sample_rate)
    grid = np.concatenate([np.geomspace(10, top_hz / 4, 60), np.linspace(top_hz / 4, top_hz, 300)])
    c_curve, a_curve = 10 ** (weighting_db("C", grid) / 20), 10 ** (weighting_db("A", grid) / 20)
    low_c = _high_pass(F1_HZ, F1_HZ, sample_rate)
    low_a = _high_pass(F2_HZ, F3_HZ, sample_rate)
    high_c = _completing(low_c, c_curve, grid, sample_rate, poles=3)
    high_a = _completing(low_a, a_curve / c_curve, grid, sample_rate, poles=0)
    return low_c, high_c, low_a, high_a


def _analytic(curve: Curve, frequency: Array) -> Array:
    square = frequency**2
    gain = F4_HZ**2 * square / ((square + F1_HZ**2) * (square + F4_HZ**2))
    if curve == "A":
        gain = gain * square / np.sqrt((square + F2_HZ**2) * (square + F3_HZ**2))
    return gain


def _high_pass(first_hz: float, second_hz: float, sample_rate: int) -> Section:
    """Two high-pass poles by the bilinear transform."""
    first, second = np.pi * first_hz / sample_rate, np.pi * second_hz / sample_rate
    poles = (1 - first) / (1 + first), (1 - second) / (1 + second)
    denominator = np.array([1.0, -sum(poles), poles[0] * poles[1]])
    return Section(np.array([1.0, -2.0, 1.0]), denominator)


def _completing(low: Section, curve: Array, grid: Array, sample_rate: int, poles: int) -> Section:
    """The section that makes `low` follow `curve` on `grid`, exactly at 1 kHz."""
    rest = (curve / np.abs(low.response(grid, sample_rate))) ** 2
    high = _fit(rest, 2 * np.pi * grid / sample_rate, zeros=max(poles, 2), poles=poles)
    both = low.response(1000.0, sample_rate) * high.response(1000.0, sample_rate)
    return high.scaled(1 / float(np.abs(both)))


def _fit(power: Array, angle: Array, zeros: int, poles: int, rounds: int = 40) -> Section:
    """Minimum-phase filter whose squared magnitude is close to `power`, relatively."""
    cosines = 2 * np.cos(np.outer(angle, np.arange(max(zeros, poles) + 1)))
    cosines[:, 0] = 1.0
    denominator: Array = np.ones_like(power)
    best_error = np.inf
    best: Array = np.zeros(zeros + 1 + poles)
    weight: Array = np.ones_like(power)
    for _ in range(rounds):
        scale = np.sqrt(weight) / (power * denominator)
        system = np.hstack([cosines[:, : zeros + 1], -power[:, None] * cosines[:, 1 : poles + 1]])
        solution = np.linalg.lstsq(system * scale[:, None], power * scale, rcond=None)[0]
        numerator = cosines[:, : zeros + 1] @ solution[: zeros + 1]
        denominator = 1.0 + cosines[:, 1 : poles + 1] @ solution[zeros + 1 :]
        error = np.abs(numerator / denominator / power - 1)
        if error.max() < best_error and min(numerator.min(), denominator.min()) > 0:
            best_error, best = float(error.max()), solution.astype(np.float64)
        # Lawson's weights turn least squares into an even ripple; the root keeps them calm.
        weight = weight * np.sqrt(error + 1e-7)
        weight /= weight.sum()
    denominator = _minimum_phase(np.r_[1, best[zeros + 1 :]])
    numerator = _minimum_phase(best[: zeros + 1])
    return Section(numerator / denominator[0], denominator / denominator[0])


def _minimum_phase(cosine_polynomial: Array) -> Array:
    """Spectral factor: the polynomial with all roots inside whose square is the given one."""
    order = cosine_polynomial.size - 1
    roots = np.roots(np.r_[cosine_polynomial[:0:-1], cosine_polynomial])
    inside = roots[np.argsort(np.abs(roots))][:order]
    factor = np.atleast_1d(np.real(np.poly(inside)))
    power_at_0 = cosine_polynomial[0] + 2 * cosine_polynomial[1:].sum()
    scaled: Array = factor * np.sqrt(power_at_0) / np.abs(factor.sum())
    return scaled


class FrequencyWeighting:
    """A and C weighted pressure of a stream.

    Parameters
    ----------
    sample_rate : int
        16 to 192 kHz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._filter = BlockFilter(weighting_sections(sample_rate), taps=(1, 3))

    def reset(self) -> None:
        """Forget the past: the stream begins anew, out of silence."""
        self._filter.reset()

    def process(self, pressure_pa: Array) -> tuple[Array, Array]:
        """Weighted pressures of the next frames.

        Parameters
        ----------
        pressure_pa : ndarray, shape (frames,)

        Returns
        -------
        a_pa, c_pa : ndarray, shape (frames,)
        """
        c_pa, a_pa = self._filter.process(pressure_pa)
        return a_pa, c_pa
