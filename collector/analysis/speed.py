"""Speeds of passes: V50, V85 and who was too fast, each with its interval.

V85 is the speed that 85 of 100 do not exceed. Its interval comes from the order of the speeds
alone (the ranks between which the true one lies with 95 %, by the binomial distribution), so no
shape is assumed; it tells nothing of how sure each single speed is, which stands beside it.

A pass counts as too fast when its speed is above the limit by more than 3 km/h and by more than
its own uncertainty in addition: the lower end of its 95 % interval lies above limit + 3. That is
cautious, and understates how many there are. A share is given with Jeffreys' 95 % interval. Passes
whose speed was refused stand apart with the reason; they are never counted as slow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, binom

from collector.analysis.levels import Floats

MARGIN_KMH: Final = 3.0
"""What is deducted from a speed before it is compared with a limit."""

SCHOOL_KMH: Final = 30.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % interval; NaN where too little was measured to tell."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `of`, with the 95 % interval of the share; NaN where there is none."""

    count: int
    of: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.count / self.of if self.of else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedTable:
    """Passes at a site, one row each.

    Attributes
    ----------
    hour_of_day : ndarray of shape (n,)
        Local hour, 0 to 23.
    source : tuple of n str
        Kind of source.
    speed_kmh, low_kmh, high_kmh : ndarray of shape (n,)
        Speed with its 95 % interval; NaN where it was refused.
    limit_kmh : ndarray of shape (n,)
        The limit that held at that moment; NaN where none is known.
    refused : tuple of n str or None
        Why there is no speed.
    """

    hour_of_day: NDArray[np.int64]
    source: tuple[str, ...]
    speed_kmh: Floats
    low_kmh: Floats
    high_kmh: Floats
    limit_kmh: Floats
    refused: tuple[str | None, ...]

    def __len__(self) -> int:
        return len(self.source)

    def rows(self, chosen: NDArray[np.bool_]) -> SpeedTable:
        """Those of the rows that are chosen."""
        index = np.flatnonzero(chosen).tolist()
        return SpeedTable(
            hour_of_day=self.hour_of_day[index],
            source=tuple(self.source[i] for i in index),
            speed_kmh=self.speed_kmh[index],
            low_kmh=self.low_kmh[index],
            high_kmh=self.high_kmh[index],
            limit_kmh=self.limit_kmh[index],
            refused=tuple(self.refused[i] for i in index),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedFigures:
    """What the speeds of some passes come to.

    Attributes
    ----------
    passes, measured : int
        How many there were, and of how many the speed is known.
    refused : mapping
        How many speeds were refused, by reason.
    uncertainty_kmh : float
        Half the 95 % interval of the median pass.
    over_limit : Share
        Of those measured while a limit is known to have held.
    over_30 : Share
        Of all that were measured.
    """

    passes: int
    measured: int
    refused: Mapping[str, int]
    v50_kmh: Estimate
    v85_kmh: Estimate
    uncertainty_kmh: float
    over_limit: Share
    over_30: Share


def speed_figures(table: SpeedTable) -> SpeedFigures:
    """Return what all rows of the table come to."""
    known = ~np.isnan(table.speed_kmh)
    speeds = table.speed_kmh[known]
    half = 0.5 * (table.high_kmh[known] - table.low_kmh[known])
    limited = known & ~np.isnan(table.limit_kmh)
    over = table.low_kmh[limited] > table.limit_kmh[limited] + MARGIN_KMH
    over_30 = table.low_kmh[known] > SCHOOL_KMH + MARGIN_KMH
    reasons = (reason for reason in table.refused if reason is not None)
    return SpeedFigures(
        passes=len(table),
        measured=len(speeds),
        refused=dict(Counter(reasons).most_common()),
        v50_kmh=quantile(speeds, 0.5),
        v85_kmh=quantile(speeds, 0.85),
        uncertainty_kmh=float(np.median(half)) if len(half) else float("nan"),
        over_limit=share(int(over.sum()), int(limited.sum())),
        over_30=share(int(over_30.sum()), int(known.sum())),
    )


def by_hour(table: SpeedTable) -> dict[int, SpeedFigures]:
    """Return the figures of each local hour of the day in which something passed."""
    hours = np.unique(table.hour_of_day).tolist()
    return {hour: speed_figures(table.rows(table.hour_of_day == hour)) for hour in hours}


def by_source(table: SpeedTable) -> dict[str, SpeedFigures]:
    """Return the figures of each kind of source, the most frequent first."""
    sources = np.array(table.source, dtype=np.str_)
    kinds = [kind for kind, _ in Counter(table.source).most_common()]
    return {kind: speed_figures(table.rows(sources == kind)) for kind in kinds}


def quantile(values: Sequence[float] | Floats, share_below: float) -> Estimate:
    """The value that a share lies below, with its distribution-free 95 % interval.

    An end of the interval is NaN where too few values were measured to bound it.

    References
    ----------
    H. A. David, H. N. Nagaraja: Order Statistics, 3rd ed., 7.1.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    count = len(ordered)
    if not count:
        return Estimate(float("nan"), float("nan"), float("nan"))
    # At most 2.5 % lie beyond each end.
    low = int(binom.ppf(0.025, count, share_below))
    high = int(binom.ppf(0.975, count, share_below)) + 1
    return Estimate(
        value=float(np.quantile(ordered, share_below)),
        low=float(ordered[low - 1]) if low >= 1 else float("nan"),
        high=float(ordered[high - 1]) if high <= count else float("nan"),
    )


def share(count: int, of: int) -> Share:
    """A share with Jeffreys' 95 % interval."""
    if not of:
        return Share(0, 0, float("nan"), float("nan"))
    low = float(beta.ppf(0.025, count + 0.5, of - count + 0.5)) if count else 0.0
    high = float(beta.ppf(0.975, count + 0.5, of - count + 0.5)) if count < of else 1.0
    return Share(count, of, low, high)
