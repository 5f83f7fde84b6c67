"""Levenberg and Marquardt's method for the few parameters and many residuals of a pass-by.

scipy's own solver spends longer on its bookkeeping than on the residuals here, and an event has
one second on a small computer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_DIFFERENCE = 1e-3
_ATTEMPTS = 5
_ENOUGH = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """Parameters with the smallest sum of squares.

    `cost` is half that sum; `information` is J'J there, the inverse of the covariance when the
    residuals have unit variance.
    """

    parameters: FloatArray
    cost: float
    information: FloatArray


def least_squares(
    residuals: Callable[[FloatArray], FloatArray],
    start: FloatArray,
    scale: FloatArray,
    iterations: int = 15,
) -> Solution:
    """Minimise the sum of squares of `residuals`.

    Parameters
    ----------
    residuals : callable
        Takes parameters, gives residuals.
    start, scale : ndarray, shape (parameters,)
        Where to begin, and by how much each parameter may matter.
    """
    parameters, damping = start, 1e-3
    current = residuals(parameters)
    cost = float(current @ current)
    information = np.eye(start.size)
    for _ in range(iterations):
        slopes = _slopes(residuals, parameters, current, scale)
        information, gradient = slopes @ slopes.T, slopes @ current
        before = cost
        for _ in range(_ATTEMPTS):
            damped = information + damping * np.diag(np.diag(information) + 1e-12)
            trial = parameters - np.linalg.solve(damped, gradient)
            after = residuals(trial)
            if float(after @ after) < cost:
                parameters, current, cost = trial, after, float(after @ after)
                damping *= 0.3
                break
            damping *= 6.0
        if before - cost <= _ENOUGH * cost:
            break
    return Solution(parameters, cost / 2.0, information)


def _slopes(
    residuals: Callable[[FloatArray], FloatArray],
    parameters: FloatArray,
    current: FloatArray,
    scale: FloatArray,
) -> FloatArray:
    """Derivatives of the residuals, one row a parameter."""
    slopes = np.empty((parameters.size, current.size))
    for index, step in enumerate(_DIFFERENCE * scale):
        moved = parameters.copy()
        moved[index] += step
        np.subtract(residuals(moved), current, out=slopes[index])
        slopes[index] /= step
    return slopes


def bounded_influence(residual: FloatArray, limit: float = 3.0) -> FloatArray:
    """Residuals that grow like their square root beyond `limit` (pseudo-Huber)."""
    grown = 2.0 * limit**2 * (np.sqrt(1.0 + (residual / limit) ** 2) - 1.0)
    return np.asarray(np.sign(residual) * np.sqrt(grown))


def long_tailed(residual: float, freedom: float) -> float:
    """A residual that grows like the root of a logarithm where it is large.

    Its square is that of Student's t with ``freedom - 1`` degrees of freedom, scaled so that small
    residuals stay as they are (Lange, Little and Taylor, 1989).
    """
    return float(np.copysign(np.sqrt(freedom * np.log1p(residual**2 / freedom)), residual))
