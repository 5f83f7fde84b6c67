"""Least squares on problems with known answers."""

from __future__ import annotations

import numpy as np
import pytest

from sensor.passby.geometry import FloatArray
from sensor.passby.least_squares import bounded_influence, least_squares, long_tailed


def test_a_line_is_found_with_its_covariance() -> None:
    x = np.linspace(-1.0, 1.0, 200)
    y = 3.0 + 2.0 * x

    def residuals(p: FloatArray) -> FloatArray:
        return np.asarray(y - p[0] - p[1] * x)

    solution = least_squares(residuals, np.zeros(2), np.ones(2))
    assert solution.parameters == pytest.approx([3.0, 2.0], abs=1e-6)
    assert solution.cost == pytest.approx(0.0, abs=1e-9)
    assert solution.information[0, 0] == pytest.approx(200.0)


def test_a_curved_valley_is_followed_to_its_end() -> None:
    """Rosenbrock's function."""

    def residuals(p: FloatArray) -> FloatArray:
        return np.array([10.0 * (p[1] - p[0] ** 2), 1.0 - p[0]])

    solution = least_squares(residuals, np.array([-1.2, 1.0]), np.full(2, 0.01), 200)
    assert solution.parameters == pytest.approx([1.0, 1.0], abs=0.05)


def test_outliers_lose_their_influence() -> None:
    values = np.append(np.zeros(50), 1e4)

    def residuals(p: FloatArray) -> FloatArray:
        return bounded_influence(values - p[0])

    assert least_squares(residuals, np.ones(1), np.ones(1), 50).parameters[0] < 0.2


def test_small_residuals_are_left_as_they_are() -> None:
    small = np.linspace(-0.1, 0.1, 5)
    assert bounded_influence(small) == pytest.approx(small, abs=1e-4)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_long_tails_leave_the_middle_and_give_way_at_the_ends(sign: float) -> None:
    assert long_tailed(sign * 0.1, 6.0) == pytest.approx(sign * 0.1, rel=0.01)
    assert 2.2 < sign * long_tailed(sign * 3.0, 6.0) < 2.8
    assert sign * long_tailed(sign * 30.0, 6.0) < 6.0
