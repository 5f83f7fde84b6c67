"""Levels exceeded 10, 50 and 90 % of the time (LAF10, LAF50, LAF90) over longer periods.

Nodes give these three for each batch, out of every 125 ms (ISO 1996-1:2016, 3.1.3). They cannot be
averaged. Each batch stands for a distribution here instead: straight lines through its three
values, which go on as steeply beyond them. The distribution of a period is the sum of those of its
batches, each weighted by the time that was measured, and its three levels are read from it. A
batch by itself gives back its own values.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from collector.analysis.levels import Floats

EXCEEDED: Final = (0.1, 0.5, 0.9)
"""Shares of the time, in the order in which levels are given here."""

_MASS: Final = np.array([0.1, 0.4, 0.4, 0.1])
_NARROWEST_DB: Final = 0.01


def exceeded_levels_db(laf_db: ArrayLike, measured_s: ArrayLike) -> Floats:
    """LAF10, LAF50 and LAF90 of all batches together: array of shape (3,).

    Parameters
    ----------
    laf_db : array_like of shape (n, 3)
        LAF10, LAF50 and LAF90 of each batch; NaN where nothing was measured.
    measured_s : array_like of shape (n,)
        Seconds that were validly measured in each.

    Returns
    -------
    ndarray of shape (3,)
        NaN when nothing was measured.
    """
    levels = np.asarray(laf_db, dtype=np.float64).reshape(-1, 3)
    weights = np.asarray(measured_s, dtype=np.float64)
    known = ~np.isnan(levels).any(axis=1) & (weights > 0)
    if not known.any():
        return np.full(3, np.nan)
    knots = _knots(levels[known])
    widths = np.maximum(np.diff(knots, axis=1), _NARROWEST_DB)
    density = weights[known, np.newaxis] * _MASS / widths
    # The density changes where a line begins and where it ends; its sum is the distribution.
    at = np.concatenate([knots[:, :-1].ravel(), (knots[:, :-1] + widths).ravel()])
    change = np.concatenate([density.ravel(), -density.ravel()])
    order = np.argsort(at)
    at, total = at[order], np.cumsum(change[order])
    below = np.concatenate([[0.0], np.cumsum(total[:-1] * np.diff(at))])
    return np.asarray(np.interp(1.0 - np.array(EXCEEDED), below / below[-1], at))


def period_exceeded_levels_db(
    start_s: ArrayLike, laf_db: ArrayLike, measured_s: ArrayLike, edges_s: ArrayLike
) -> Floats:
    """LAF10, LAF50 and LAF90 of periods: array of shape (periods, 3).

    A batch counts in the period in which it begins; see :func:`exceeded_levels_db`.

    Parameters
    ----------
    start_s : array_like of shape (n,)
        When each batch begins, POSIX seconds.
    edges_s : array_like of shape (periods + 1,)
        Rising limits of the periods, POSIX seconds.
    """
    edges = np.asarray(edges_s, dtype=np.float64)
    starts = np.asarray(start_s, dtype=np.float64)
    levels = np.asarray(laf_db, dtype=np.float64).reshape(-1, 3)
    weights = np.asarray(measured_s, dtype=np.float64)
    period = np.searchsorted(edges, starts, side="right") - 1
    order = np.argsort(period, kind="stable")
    limits = np.searchsorted(period[order], np.arange(edges.size))
    chosen = [order[first:last] for first, last in pairwise(limits.tolist())]
    found = [exceeded_levels_db(levels[rows], weights[rows]) for rows in chosen]
    return np.array(found).reshape(-1, 3)


def _knots(levels: Floats) -> Floats:
    """Levels exceeded 100, 90, 50, 10 and 0 % of the time: array of shape (n, 5)."""
    laf10, laf50, laf90 = np.sort(levels, axis=1)[:, ::-1].T
    lowest = laf90 - 0.25 * (laf50 - laf90)
    highest = laf10 + 0.25 * (laf10 - laf50)
    return np.stack([lowest, laf90, laf50, laf10, highest], axis=1)
