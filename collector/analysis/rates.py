"""How often something happens, by site, day type and hour of the local week, with intervals.

The rate of an hour is taken as Gamma distributed about its smoothed mean m
(:mod:`collector.analysis.smoothing`) with shape A = a0 + a1 n, n being the counts that the mean
rests on; what was counted is then negative binomial (Gamma-Poisson). a0 and a1 are estimated from
the data by empirical Bayes: every second week is predicted from the others, both ways, and the
likelihood of what was counted is maximised. As whole weeks are held out, counts that come in
clusters (a group is out on an evening, or is not) widen the intervals as they should.

That takes m for known. Where little was counted it is not, and the truth may lie far above it. The
intervals therefore spread m too: the mean of the Gamma distribution is taken as inverse Gamma with
shape b0 + b1 n, which makes the rate a multiple of an F variable, with a heavier upper tail. The
Gamma distribution about it is as much narrower as keeps the spread where much was counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import betaincinv, gammaln

from collector.analysis.cells import Cells, Floats, What, count_cells
from collector.analysis.hours import SiteHours
from collector.analysis.school_calendar import SchoolCalendar
from collector.analysis.smoothing import Smoothed, smooth

HALF_LIFE_WEEKS: Final = 3.0
"""Of what counts, where habits have changed."""

# What is believed of log a0 and log a1 before there are data: centre and spread.
_BELIEF: Final = (np.log(0.4), np.log(0.3))
_BELIEF_SPREAD: Final = 0.4
# Of the mean: b0 and b1, and how much narrower the rate lies about it than about the smoothed one.
# Chosen on simulated towns (seeds 1000 to 1039).
_MEAN_SHAPE: Final = (1.5, 0.5)
_NARROWER: Final = 2.5
_JUDGED_WEEKS: Final = 3
_FEWEST_WEEKS: Final = 2
# How much better, in log likelihood, recent weeks must predict before older ones fade.
_CHANGE: Final = 1.5


@dataclass(frozen=True, slots=True)
class Rates:
    """Rates an hour; arrays of shape (sites, day types, 168).

    Attributes
    ----------
    sites : tuple of str
    what : str
        What was counted.
    weeks : int
        Over how many weeks.
    half_life_weeks : float, optional
        After which weeks count half; None: all count the same.
    count, measured_h : ndarray
        What was counted, and for how long was measured, all weeks alike.
    rate : ndarray
        Expected number in an hour of measuring.
    shape : ndarray
        Of the Gamma distribution of the rate about its mean.
    mean_shape : ndarray
        Of the inverse Gamma distribution of that mean.
    """

    sites: tuple[str, ...]
    what: What
    weeks: int
    half_life_weeks: float | None
    count: Floats
    measured_h: Floats
    rate: Floats
    shape: Floats
    mean_shape: Floats

    def quantile(self, share: float) -> Floats:
        """The rate below which the true one lies with probability `share`."""
        return rate_quantile(self.rate, self.shape, self.mean_shape, share)

    def interval(self, confidence: float = 0.95) -> tuple[Floats, Floats]:
        """Lower and upper limits of the rates."""
        tail = 0.5 * (1.0 - confidence)
        return self.quantile(tail), self.quantile(1.0 - tail)


def rate_quantile(mean: Floats, shape: Floats, mean_shape: Floats, share: float | Floats) -> Floats:
    """Quantile of Gamma distributions whose mean is inverse Gamma distributed about `mean`.

    The ratio of two Gamma variables, of shapes `shape` and `mean_shape` (above 1), is beta prime.
    """
    beta = betaincinv(shape, mean_shape, share)
    ratio = beta / (1.0 - beta)
    return np.asarray(mean * ratio * (mean_shape - 1.0) / shape, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class WeekProfile:
    """Rates by hour of the local week, over days of several types; arrays of shape (sites, 168).

    Attributes
    ----------
    rate, low, high : ndarray
        Expected number in an hour of measuring, each type of day weighing as much as it was
        measured, with its 95 % interval; NaN where the hour was never measured.
    count, measured_h : ndarray
        What the hour itself held, and for how long it was measured.
    """

    rate: Floats
    low: Floats
    high: Floats
    count: Floats
    measured_h: Floats


def week_profile(rates: Rates, days: Sequence[int] | None = None) -> WeekProfile:
    """Join the day types `days` (all unless told) of `rates`."""
    chosen = slice(None) if days is None else list(days)
    measured_h = rates.measured_h[:, chosen]
    total_h = measured_h.sum(axis=1)
    expected = rates.rate[:, chosen] * measured_h
    with np.errstate(invalid="ignore"):
        mean = expected.sum(axis=1) / total_h
        # Types of day share what they rest on, so they are taken to be wrong together.
        shape, mean_shape = (
            (values[:, chosen] * expected).sum(axis=1) / expected.sum(axis=1)
            for values in (rates.shape, rates.mean_shape)
        )
    low, high = (rate_quantile(mean, shape, mean_shape, share) for share in (0.025, 0.975))
    return WeekProfile(mean, low, high, rates.count[:, chosen].sum(axis=1), total_h)


def fit_rates(
    tables: Sequence[SiteHours],
    calendar: SchoolCalendar,
    *,
    end_hour: int | None = None,
    what: What = "episodes",
    recency: bool = True,
) -> Rates:
    """Estimate rates from all hours of `tables` before `end_hour` (by default all).

    Parameters
    ----------
    recency : bool
        Let older weeks count less where recent ones predict better; a plan wants this, a summary
        of a period does not.

    Raises
    ------
    ValueError
        Nothing was measured, or a site comes twice.
    """
    cells = count_cells(tables, calendar, end_hour=end_hour, what=what)
    half_life = _half_life_weeks(cells) if recency else None
    smoothed = _smoothed(cells, half_life)
    a0, a1 = _dispersion(cells)
    return Rates(
        sites=cells.sites,
        what=what,
        weeks=cells.weeks,
        half_life_weeks=half_life,
        count=cells.count.sum(axis=0),
        measured_h=cells.measured_h.sum(axis=0),
        rate=smoothed.rate,
        shape=_NARROWER * (a0 + a1 * smoothed.behind),
        mean_shape=_MEAN_SHAPE[0] + _MEAN_SHAPE[1] * smoothed.behind,
    )


@dataclass(frozen=True, slots=True)
class MeanRates:
    """What :class:`Rates` has of the rates themselves: how sure they are is left out."""

    sites: tuple[str, ...]
    measured_h: Floats
    rate: Floats


def mean_rates(
    tables: Sequence[SiteHours],
    calendar: SchoolCalendar,
    *,
    end_hour: int | None = None,
    what: What = "episodes",
    recency: bool = False,
) -> MeanRates:
    """The rates of :func:`fit_rates` alone, at a third of the cost."""
    cells = count_cells(tables, calendar, end_hour=end_hour, what=what)
    half_life = _half_life_weeks(cells) if recency else None
    rate = _smoothed(cells, half_life).rate
    return MeanRates(cells.sites, cells.measured_h.sum(axis=0), rate)


def _smoothed(cells: Cells, half_life: float | None) -> Smoothed:
    weight = _weights(cells.weeks, half_life)
    return smooth(_weighted(weight, cells.count), _weighted(weight, cells.measured_h))


def _weights(weeks: int, half_life: float | None) -> Floats:
    age = np.arange(weeks)[::-1]
    return np.ones(weeks) if half_life is None else np.asarray(0.5 ** (age / half_life))


def _weighted(weight: Floats, values: Floats) -> Floats:
    return np.asarray(np.tensordot(weight, values, axes=1))


def _half_life_weeks(cells: Cells) -> float | None:
    """Whether the last weeks are better predicted where older ones fade."""
    steady = sum(_predicted(cells, week, None) for week in _judged(cells))
    fading = sum(_predicted(cells, week, HALF_LIFE_WEEKS) for week in _judged(cells))
    return HALF_LIFE_WEEKS if fading > steady + _CHANGE else None


def _judged(cells: Cells) -> range:
    return range(max(_FEWEST_WEEKS, cells.weeks - _JUDGED_WEEKS), cells.weeks)


def _predicted(cells: Cells, week: int, half_life: float | None) -> float:
    """Log likelihood of a week given those before it."""
    weight = _weights(week, half_life)
    before = smooth(
        _weighted(weight, cells.count[:week]), _weighted(weight, cells.measured_h[:week])
    )
    held = _Held.of(before, cells.count[week], cells.measured_h[week])
    return held.log_likelihood(*np.exp(_BELIEF))


@dataclass(frozen=True, slots=True)
class _Held:
    """What was counted in cells that were held out, and what was expected there.

    `some` are the places of those in which anything was counted.
    """

    count: Floats
    measured_h: Floats
    rate: Floats
    behind: Floats
    some: NDArray[np.int64]

    @classmethod
    def of(cls, smoothed: Smoothed, count: Floats, measured_h: Floats) -> _Held:
        used = measured_h > 0.0
        counted = count[used]
        return cls(
            counted,
            measured_h[used],
            smoothed.rate[used],
            smoothed.behind[used],
            np.flatnonzero(counted),
        )

    def log_likelihood(self, a0: float, a1: float) -> float:
        """Of the negative binomial distribution, up to what does not depend on a0 and a1."""
        shape = a0 + a1 * self.behind
        expected = self.rate * self.measured_h
        terms = -shape * np.log1p(expected / shape)
        # In most cells nothing was counted, and nothing of this is anything but nought there.
        some = self.some
        counted, shape, expected = self.count[some], shape[some], expected[some]
        terms[some] = (
            gammaln(shape + counted)
            - gammaln(shape)
            + terms[some]
            + counted * np.log(expected / (shape + expected))
        )
        return float(terms.sum())


def _dispersion(cells: Cells) -> tuple[float, float]:
    """a0 and a1: how far rates lie from their smoothed means."""
    odd = np.arange(cells.weeks) % 2 == 1
    if cells.weeks < _FEWEST_WEEKS:
        a0, a1 = np.exp(_BELIEF)
        return float(a0), float(a1)
    halves = [_half(cells, part) for part in (odd, ~odd)]

    def loss(logs: Floats) -> float:
        away = (logs - np.array(_BELIEF)) / _BELIEF_SPREAD
        return 0.5 * float(away @ away) - sum(h.log_likelihood(*np.exp(logs)) for h in halves)

    found = minimize(loss, _BELIEF, method="Nelder-Mead", options={"xatol": 0.02, "fatol": 0.02})
    a0, a1 = np.exp(found.x)
    return float(a0), float(a1)


def _half(cells: Cells, part: np.ndarray) -> _Held:
    count, measured_h = cells.count[part].sum(axis=0), cells.measured_h[part].sum(axis=0)
    others = smooth(cells.count[~part].sum(axis=0), cells.measured_h[~part].sum(axis=0))
    return _Held.of(others, count, measured_h)
