"""A node whose background drifts away from its neighbours': a microphone that grows deaf or wet.

One node's background tells nothing of its microphone: rain, snow and holidays move it by more
than a fault does. They move all nodes of a town alike, so what is looked at is the difference

    d(t) = b(t) - median of the neighbours' b(t),

where b(t) is a node's background of the night t: the median of the hours 0 to 5 of their mean
LAF90 (:func:`nights`), when the street is quietest and most the same. Single nights that are far
off, as by a feast or a snow plough, are first drawn in to three deviations from the median of the
two weeks around them, which leaves steps where they are. The question is whether d has had a step:
the night k, not within a week of either end, at which

    |mean(d after k) - mean(d before k)| * sqrt(k (n - k) / n)

is greatest. Divided by the spread of d it is the score. The spread is that of the rest once the
step is taken out, widened by sqrt((1 + r) / (1 - r)), since what is unusual in one night is often
so in the next; r is the rest's correlation with that of the night before. A node is pointed at
where

- the score is at least :data:`SCORE`, and the step at least as large as is asked for;
- the step is still there, by :data:`LEAST_LEFT`, against the neighbours without any one of them:
  one neighbour that has drifted itself, or has a building site before it, must not make another
  one look deaf.

The interval of the step is 1.96 times the standard error of a difference of two means with that
spread, to which :data:`SEASON_DB` is added as the standard uncertainty of what leaves, ice and
traffic do to one place and not to the next within the weeks that are compared. Since when: the
nights whose score squared is at most 7.35 below the greatest (Hansen, Econometrica 68:575, 2000,
table 1: 95 %). ``benchmarks/drift.py`` measures how often a sound node is pointed at, how soon a
deaf one is found, and how often the intervals hold.

What it cannot tell apart: a microphone, a windscreen full of water, and a street that really has
become quieter or louder at one place only. Somebody has to look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]

WINDOW_NIGHTS: Final = 112
"""Nights that are looked at: what is older is no measure of how things are."""

LEAST_NIGHTS: Final = 28
LEAST_NEIGHBOURS: Final = 2
"""With one neighbour nobody can tell which of the two has drifted."""

NIGHT_HOURS: Final = range(5)
"""Hours of the local clock that a night's background is made of."""

SCORE: Final = 5.5
LEAST_DB: Final = 2.0
"""What sites differ by, from season to season, without any fault."""

LEAST_LEFT: Final = 0.7
"""Part of a step; with two neighbours, one that drifts makes a step of half its size in others."""

SEASON_DB: Final = 0.6
"""An assumption, until there are years from the field."""

_SIDE_NIGHTS: Final = 7
_AROUND_NIGHTS: Final = 7
_LEAST_HOURS: Final = 3
_SIGMA_OF_MAD: Final = 1.4826
_Z: Final = 1.959964
_SINCE_95: Final = 7.35
_MOST_CORRELATED: Final = 0.9
_LEAST_SPREAD_DB: Final = 0.05
"""Levels travel as tenths of a decibel: no spread is smaller than what rounding leaves."""


@dataclass(frozen=True, slots=True)
class Drift:
    """What became of a node's background against its neighbours'.

    Attributes
    ----------
    change_db, low_db, high_db : float
        By how much it has changed, with its 95 % interval.
    since, since_low, since_high : date
        First night of the change, and between which it lies with 95 %.
    score : float
        See the module.
    holds : bool
        Whether somebody should look at the node.
    nights, neighbours : int
        What it rests on: nights with a difference, and neighbours in the median.
    """

    change_db: float
    low_db: float
    high_db: float
    since: date
    since_low: date
    since_high: date
    score: float
    holds: bool
    nights: int
    neighbours: int


Reason: TypeAlias = Literal["few_neighbours", "few_nights"]


@dataclass(frozen=True, slots=True)
class Untold:
    """That nothing can be told of a node, and why."""

    reason: Reason
    nights: int
    neighbours: int


def nights(
    hours: Sequence[tuple[datetime, float]], first: date, count: int, time_zone: str
) -> FloatArray:
    """Return a node's background of each of `count` nights from `first` on; NaN: not measured.

    Parameters
    ----------
    hours : sequence of (datetime, float)
        When each hour begins, and its mean LAF90 in dB.
    first : date
        Local date of the morning of the first night.
    """
    zone = ZoneInfo(time_zone)
    by_night: dict[int, list[float]] = {}
    for at, level_db in hours:
        local = at.astimezone(zone)
        if local.hour in NIGHT_HOURS:
            by_night.setdefault((local.date() - first).days, []).append(level_db)
    found = np.full(count, np.nan)
    for night, levels_db in by_night.items():
        if 0 <= night < count and len(levels_db) >= _LEAST_HOURS:
            found[night] = np.median(levels_db)
    return found


def drift(
    own_db: FloatArray, others_db: FloatArray, first: date, least_db: float = LEAST_DB
) -> Drift | Untold:
    """Return how a node's background has changed against its neighbours'.

    Parameters
    ----------
    own_db : ndarray of shape (nights,)
        Background of the node; NaN: not measured.
    others_db : ndarray of shape (neighbours, nights)
        Backgrounds of its neighbours.
    first : date
        Which night the first one is.
    least_db : float
        Change from which on somebody should look.
    """
    usable = others_db[_measured_with(own_db, others_db) >= LEAST_NIGHTS]
    if len(usable) < LEAST_NEIGHBOURS:
        return Untold("few_neighbours", int(np.isfinite(own_db).sum()), len(usable))
    difference = _difference(own_db, usable)
    index = np.flatnonzero(np.isfinite(difference))
    if len(index) < LEAST_NIGHTS:
        return Untold("few_nights", len(index), len(usable))
    values = _calm(difference[index])
    steps = _steps(values)
    weights = _weights(len(values))
    best = int(np.argmax(np.abs(steps) * weights))
    spread = _spread(values, best + _SIDE_NIGHTS)
    scores = np.abs(steps) * weights / spread
    change = float(steps[best])
    half = _Z * float(np.hypot(spread / weights[best], SEASON_DB))
    inside = np.flatnonzero(scores**2 >= scores[best] ** 2 - _SINCE_95)
    holds = bool(scores[best] >= SCORE and abs(change) >= least_db) and _is_its_own(
        own_db, usable, int(index[best + _SIDE_NIGHTS]), change
    )

    def night(split: int) -> date:
        return first + timedelta(days=int(index[split + _SIDE_NIGHTS]))

    return Drift(
        change_db=change,
        low_db=change - half,
        high_db=change + half,
        since=night(best),
        since_low=night(int(inside[0])),
        since_high=night(int(inside[-1])),
        score=float(scores[best]),
        holds=holds,
        nights=len(values),
        neighbours=len(usable),
    )


def window(now: datetime, time_zone: str) -> date:
    """Return the first of the :data:`WINDOW_NIGHTS` that are over at `now`."""
    local = now.astimezone(ZoneInfo(time_zone))
    is_over = local.hour not in NIGHT_HOURS
    return local.date() - timedelta(days=WINDOW_NIGHTS - 1 if is_over else WINDOW_NIGHTS)


def begins(night: date, time_zone: str) -> datetime:
    """Return when a night begins, in UTC."""
    return datetime(night.year, night.month, night.day, tzinfo=ZoneInfo(time_zone)).astimezone(UTC)


def _measured_with(own_db: FloatArray, others_db: FloatArray) -> NDArray[np.int64]:
    both = np.isfinite(others_db) & np.isfinite(own_db)
    return np.asarray(both.sum(axis=1), dtype=np.int64)


def _difference(own_db: FloatArray, others_db: FloatArray) -> FloatArray:
    """`own_db` less the median of its neighbours, in nights when at least half of them measured."""
    there = np.isfinite(others_db).sum(axis=0)
    enough = there >= max(1, -(-len(others_db) // 2))
    found = np.full(len(own_db), np.nan)
    found[enough] = own_db[enough] - np.nanmedian(others_db[:, enough], axis=0)
    return found


def _calm(values: FloatArray) -> FloatArray:
    """`values` with those that are far off drawn in to their surroundings."""
    around = sliding_window_view(np.pad(values, _AROUND_NIGHTS, mode="reflect"),
                                 2 * _AROUND_NIGHTS + 1)  # fmt: skip
    usual = np.median(around, axis=1)
    off = values - usual
    most = 3.0 * max(_SIGMA_OF_MAD * float(np.median(np.abs(off))), _LEAST_SPREAD_DB)
    return np.asarray(usual + np.clip(off, -most, most))


def _steps(values: FloatArray) -> FloatArray:
    k = np.arange(_SIDE_NIGHTS, len(values) - _SIDE_NIGHTS + 1)
    before = np.cumsum(values)[k - 1]
    return np.asarray((values.sum() - before) / (len(values) - k) - before / k)


def _weights(count: int) -> FloatArray:
    k = np.arange(_SIDE_NIGHTS, count - _SIDE_NIGHTS + 1, dtype=np.float64)
    return np.sqrt(k * (count - k) / count)


def _spread(values: FloatArray, split: int) -> float:
    rest = np.concatenate([part - part.mean() for part in np.split(values, [split])])
    power = float(np.dot(rest, rest))
    r = float(np.dot(rest[1:], rest[:-1])) / power if power > 0 else 0.0
    # The estimate of so few nights is too low (Kendall, Biometrika 41:403, 1954).
    r += (1.0 + 3.0 * r) / len(values)
    r = min(max(r, 0.0), _MOST_CORRELATED)
    sigma = max(float(np.sqrt(power / (len(values) - 2))), _LEAST_SPREAD_DB)
    return float(sigma * np.sqrt((1.0 + r) / (1.0 - r)))


def _is_its_own(own_db: FloatArray, others_db: FloatArray, split: int, change: float) -> bool:
    """Whether the step is there against the neighbours without any one of them."""
    for left_out in range(len(others_db)):
        rest = _difference(own_db, np.delete(others_db, left_out, axis=0))
        before, after = rest[:split], rest[split:]
        if not (np.isfinite(before).any() and np.isfinite(after).any()):
            return False
        step = float(np.nanmedian(after) - np.nanmedian(before))
        if step * np.sign(change) < LEAST_LEFT * abs(change):
            return False
    return True
