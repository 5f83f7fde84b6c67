"""Energy means and measured time over periods: what every level shown to people rests on.

Decibels are averaged as energies (ISO 1996-1:2016, 3.1.7): the mean of 50 dB and 80 dB is 77 dB.
Missing values are NaN; they shorten the time measured and are never counted as quiet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = NDArray[np.float64]


def energy(level_db: ArrayLike) -> Floats:
    """Energy relative to the reference, 10^(L/10), of levels in dB; NaN stays NaN."""
    return np.asarray(np.power(10.0, np.asarray(level_db, dtype=np.float64) / 10.0))


def level_db(energy_mean: ArrayLike) -> Floats:
    """Level in dB of a mean energy; NaN where no energy was measured (NaN, zero or less)."""
    values = np.asarray(energy_mean, dtype=np.float64)
    measured = np.where(values > 0, values, np.nan)
    return np.asarray(10.0 * np.log10(measured))


def energy_mean_db(levels_db: ArrayLike, duration_s: ArrayLike = 1.0) -> float:
    """Level of the mean energy of `levels_db`, each weighted by its duration.

    Parameters
    ----------
    levels_db : array_like of shape (n,)
        Equivalent levels; NaN where nothing was measured.
    duration_s : array_like of shape (n,) or scalar
        How long each of them lasted.

    Returns
    -------
    float
        NaN when nothing was measured.
    """
    levels = np.asarray(levels_db, dtype=np.float64)
    weights = np.where(np.isnan(levels), 0.0, np.broadcast_to(duration_s, levels.shape))
    total_s = float(weights.sum())
    if total_s <= 0:
        return float("nan")
    return float(level_db(np.nansum(energy(levels) * weights) / total_s))


@dataclass(frozen=True, slots=True)
class PeriodLevels:
    """Levels of consecutive periods, all arrays of shape (periods,).

    Attributes
    ----------
    start_s, end_s : ndarray
        Limits of each period, POSIX seconds.
    laeq_db : ndarray
        Equivalent level of the measured part; NaN where nothing was measured.
    measured_s : ndarray
        The exposure: seconds of the period that were validly measured.
    """

    start_s: Floats
    end_s: Floats
    laeq_db: Floats
    measured_s: Floats

    @property
    def coverage(self) -> Floats:
        """Measured part of each period, 0 to 1."""
        return self.measured_s / (self.end_s - self.start_s)


def period_levels(
    start_s: ArrayLike, interval_s: ArrayLike, laeq_db: ArrayLike, edges_s: ArrayLike
) -> PeriodLevels:
    """Equivalent levels of the periods between `edges_s`, with the time measured in each.

    An interval that reaches over an edge counts in each period for as long as it lies there.
    Where intervals overlap, the one that began last holds, so that nothing counts twice.

    Parameters
    ----------
    start_s, interval_s, laeq_db : array_like of shape (n,)
        Start (POSIX seconds), length and level of the measured intervals, in any order;
        level NaN where nothing was valid.
    edges_s : array_like of shape (periods + 1,)
        Rising limits of the periods, POSIX seconds.

    Raises
    ------
    ValueError
        `edges_s` does not rise or has fewer than two values.
    """
    edges = np.asarray(edges_s, dtype=np.float64)
    if edges.size < 2 or not np.all(np.diff(edges) > 0):
        raise ValueError("the limits of periods must be two or more, and rise")
    starts = np.asarray(start_s, dtype=np.float64)
    order = np.argsort(starts, kind="stable")
    starts = starts[order]
    ends = starts + np.broadcast_to(np.asarray(interval_s, dtype=np.float64), starts.shape)[order]
    levels = np.asarray(laeq_db, dtype=np.float64)[order]
    piece_start, piece_s, piece_level = _pieces(starts, ends, levels, edges)
    period = np.searchsorted(edges, piece_start, side="right") - 1
    count = edges.size - 1
    measured_s, energy_s = np.zeros(count), np.zeros(count)
    np.add.at(measured_s, period, piece_s)
    np.add.at(energy_s, period, energy(piece_level) * piece_s)
    with np.errstate(invalid="ignore"):
        laeq = level_db(energy_s / measured_s)
    return PeriodLevels(edges[:-1], edges[1:], laeq, measured_s)


def _pieces(
    starts: Floats, ends: Floats, levels: Floats, edges: Floats
) -> tuple[Floats, Floats, Floats]:
    # Cut at every limit of an interval or a period: each piece then lies in exactly one period
    # and in at most one interval that holds. Only measured pieces within the periods are kept.
    cuts = np.unique(np.concatenate([starts, ends, edges]))
    cuts = cuts[(cuts >= edges[0]) & (cuts <= edges[-1])]
    piece_start, piece_s = cuts[:-1], np.diff(cuts)
    if starts.size == 0:
        return piece_start[:0], piece_s[:0], piece_s[:0]
    index = np.searchsorted(starts, piece_start, side="right") - 1
    within = (index >= 0) & (piece_start < ends[index])
    level = np.where(within, levels[index], np.nan)
    kept = ~np.isnan(level)
    return piece_start[kept], piece_s[kept], level[kept]
