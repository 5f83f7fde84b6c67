"""Energy means and measured time over periods: what every level shown to people rests on.

Decibels are averaged as energies (ISO 1996-1:2016, 3.1.7): the mean of 50 dB and 80 dB is 77 dB.
Missing values are NaN; they shorten the time measured and are never counted as quiet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collector.analysis.hours import Ints, local_hours

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
    piece_start, piece_s, piece_level = _measured_pieces(starts, ends, levels, edges)
    period = np.searchsorted(edges, piece_start, side="right") - 1
    count = edges.size - 1
    measured_s, energy_s = np.zeros(count), np.zeros(count)
    measured_s += np.bincount(period, piece_s, count)
    energy_s += np.bincount(period, energy(piece_level) * piece_s, count)
    with np.errstate(invalid="ignore"):
        laeq = level_db(energy_s / measured_s)
    return PeriodLevels(edges[:-1], edges[1:], laeq, measured_s)


def _measured_pieces(
    starts: Floats, ends: Floats, levels: Floats, edges: Floats
) -> tuple[Floats, Floats, Floats]:
    # Millions of intervals that follow each other need no cuts but where an edge lies within.
    if starts.size == 0 or np.any(ends[:-1] > starts[1:] + _CLOCK_S):
        return _pieces(starts, ends, levels, edges)
    first = np.searchsorted(edges, starts, side="right")
    last = np.searchsorted(edges, ends - _CLOCK_S, side="right")
    whole = (first == last) & (first > 0) & (first < edges.size) & ~np.isnan(levels)
    rest = first != last
    cut = _pieces(starts[rest], ends[rest], levels[rest], edges)
    parts = (starts[whole], (ends - starts)[whole], levels[whole])
    return (
        np.concatenate([parts[0], cut[0]]),
        np.concatenate([parts[1], cut[1]]),
        np.concatenate([parts[2], cut[2]]),
    )


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


_CLOCK_S: Final = 1e-6
"""What a time in POSIX seconds may be off by, as a floating-point number."""

DAY_H: Final = 6
EVENING_H: Final = 18
NIGHT_H: Final = 22
"""When day, evening and night begin, local time (SFS 2004:675, 3 §)."""

_PENALTY_DB: Final = np.array([0.0, 5.0, 10.0])
_PART_H: Final = np.array([12.0, 4.0, 8.0])


@dataclass(frozen=True, slots=True)
class LevelHours:
    """Hours of one node; all arrays of shape (n,).

    Attributes
    ----------
    hour : ndarray
        Hours since 1970-01-01T00Z, rising.
    energy : ndarray
        Mean of 10^(L/10) over what was measured.
    measured_s : ndarray
        Validly measured seconds, 0 to 3600.
    """

    hour: Ints
    energy: Floats
    measured_s: Floats


@dataclass(frozen=True, slots=True)
class DayEveningNight:
    """Levels of day, evening and night, arrays of shape (3,), and what they come to.

    Attributes
    ----------
    laeq_db : ndarray
        NaN where nothing was measured.
    measured_s, possible_s : ndarray
        What was measured, and what the period holds.
    lden_db : float
        NaN where one of the three was not measured at all.
    """

    laeq_db: Floats
    measured_s: Floats
    possible_s: Floats
    lden_db: float

    @property
    def coverage(self) -> Floats:
        """Measured part of each, 0 to 1."""
        return self.measured_s / np.maximum(self.possible_s, 1.0)


def day_evening_night(
    hours: LevelHours, time_zone: str, first_hour: int, end_hour: int
) -> DayEveningNight:
    """Lden with its three parts, of the hours within [`first_hour`, `end_hour`).

    Each part is the energy mean over its measured seconds, evenings and nights then count as if 5
    and 10 dB louder, and the parts weigh 12, 4 and 8 hours (Directive 2002/49/EC, annex I.1).
    """
    possible = np.bincount(
        _part(np.arange(first_hour, end_hour, dtype=np.int64), time_zone), minlength=3
    )
    within = (hours.hour >= first_hour) & (hours.hour < end_hour)
    part = _part(hours.hour[within], time_zone)
    measured_s = np.bincount(part, hours.measured_s[within], 3).astype(np.float64)
    energy_s = np.bincount(part, (hours.energy * hours.measured_s)[within], 3)
    with np.errstate(invalid="ignore"):
        laeq_db = level_db(energy_s / measured_s)
    return DayEveningNight(
        laeq_db=laeq_db,
        measured_s=measured_s,
        possible_s=np.asarray(possible * 3600.0, dtype=np.float64),
        lden_db=energy_mean_db(laeq_db + _PENALTY_DB, _PART_H)
        if not np.isnan(laeq_db).any()
        else float("nan"),
    )


def average_day_db(hours: LevelHours, time_zone: str) -> float:
    """Level of the average day: the energy mean of the 24 hours, each the mean of all its days.

    So an hour of the day that was measured less often counts as much as the others. NaN where one
    of the 24 was never measured.
    """
    of_day = local_hours(hours.hour, time_zone).hour_of_day
    measured_s = np.bincount(of_day, hours.measured_s, 24)
    energy_s = np.bincount(of_day, hours.energy * hours.measured_s, 24)
    if not measured_s.all():
        return float("nan")
    return float(level_db(np.mean(energy_s / measured_s)))


def hour_period_levels(hours: LevelHours, edges_s: ArrayLike) -> PeriodLevels:
    """Equivalent levels of periods made of whole hours; an hour counts where it begins.

    Parameters
    ----------
    edges_s : array_like of shape (periods + 1,)
        Rising limits of the periods, POSIX seconds.
    """
    edges = np.asarray(edges_s, dtype=np.float64)
    count = edges.size - 1
    period = np.searchsorted(edges, hours.hour * 3600.0, side="right") - 1
    within = (period >= 0) & (period < count)
    energy_s = np.bincount(period[within], (hours.energy * hours.measured_s)[within], count)
    measured_s = np.bincount(period[within], hours.measured_s[within], count).astype(np.float64)
    with np.errstate(invalid="ignore"):
        return PeriodLevels(edges[:-1], edges[1:], level_db(energy_s / measured_s), measured_s)


def _part(hour: Ints, time_zone: str) -> Ints:
    """0 by day, 1 in the evening, 2 at night."""
    of_day = local_hours(hour, time_zone).hour_of_day
    evening = (of_day >= EVENING_H) & (of_day < NIGHT_H)
    night = (of_day >= NIGHT_H) | (of_day < DAY_H)
    return np.where(night, 2, evening.astype(np.int64))
