"""Rate ratios after/before, of one site against others, whose own ratios scatter too.

The log ratio of each site is normal about the town's change with the variance of its counts and,
besides, with a variance tau^2 that all sites share: habits shift, one group grows and another
moves, whether or not anybody patrols. What stands out less than the other sites scatter among
themselves is then no evidence, however many counts there are (difference in differences with a
random effect of site and period; Donald and Lang, Inference with difference-in-differences and
other panel data, 2007).

tau is not known, least from few sites, so its whole distribution counts. Beforehand it is held as
likely as not that all sites change alike; else tau is half normal with a scale of 1, which is a
ratio of 2.7 either way. The other sites' ratios decide between these (restricted likelihood), and
the change at the site is a mixture of normal distributions over all tau.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

from collector.analysis.cells import Floats

HALVED: Final = 0.5

_ALIKE: Final = 0.5
_SCALE: Final = 1.0
_TAU: Final = np.concatenate([np.zeros(1), np.geomspace(0.05, 3.2, 25)])
_FARTHEST: Final = 8.0
_EXACT: Final = 1e-6
"""How exactly quantiles of log ratios are found."""
"""Standard deviations within which every quantile lies."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """A rate ratio after/before with its 95 % interval; 1 is no change."""

    ratio: float
    low: float
    high: float

    @property
    def fell(self) -> bool:
        """Whether the whole interval lies below 1."""
        return self.high < 1.0

    @property
    def rose(self) -> bool:
        """Whether the whole interval lies above 1."""
        return self.low > 1.0


@dataclass(frozen=True, slots=True)
class Change:
    """Log ratio after/before at a site, and its variance by counting alone."""

    log_ratio: float
    variance: float


@dataclass(frozen=True, slots=True)
class Mixture:
    """A mixture of normal distributions; arrays of one length."""

    weight: Floats
    mean: Floats
    deviation: Floats

    def below(self, value: float) -> float:
        """With which probability it lies below `value`."""
        return float(self.weight @ ndtr((value - self.mean) / self.deviation))

    def quantile(self, share: float) -> float:
        """Below which a value lies with probability `share`."""
        reach = _FARTHEST * self.deviation
        low, high = float((self.mean - reach).min()), float((self.mean + reach).max())
        return float(brentq(lambda value: self.below(value) - share, low, high, xtol=_EXACT))


SAME: Final = Mixture(np.ones(1), np.zeros(1), np.zeros(1))
"""What is usual where no other site tells: no change at all."""


def usual_change(others: Sequence[Change]) -> Mixture:
    """What the log ratio of one more site would be, were it like the `others` (one at least)."""
    log_ratio = np.array([one.log_ratio for one in others])
    variance = np.array([one.variance for one in others])[:, np.newaxis] + np.square(_TAU)
    weight = 1.0 / variance
    known = weight.sum(axis=0)
    mean = log_ratio @ weight / known
    away = np.square(log_ratio[:, np.newaxis] - mean) * weight
    log_likelihood = -0.5 * (np.log(variance).sum(axis=0) + np.log(known) + away.sum(axis=0))
    belief = _prior() * np.exp(log_likelihood - log_likelihood.max())
    return Mixture(belief / belief.sum(), mean, np.sqrt(np.square(_TAU) + 1.0 / known))


def against(change: Change, usual: Mixture, tried: int = 1) -> Ratio:
    """The ratio of a site to what is usual; `tried` is how many are looked at together."""
    beside = _beside(change, usual)
    tail = 0.025 / tried
    low, middle, high = np.exp([beside.quantile(share) for share in (tail, 0.5, 1.0 - tail)])
    return Ratio(float(middle), float(low), float(high))


def may_have_risen(change: Change, usual: Mixture, tried: int = 1) -> bool:
    """Whether :func:`against` is worth the work: False where its ratio surely has not risen."""
    # So far below 1 that its quantiles, which are not quite exact, could not lie above it.
    return _beside(change, usual).below(-10.0 * _EXACT) < 0.025 / tried


def power_to_find(change: Change, usual: Mixture) -> float:
    """Probability that a change of which only the variance matters would be found to be one."""
    centre = float(usual.weight @ usual.mean)
    beside = _beside(Change(centre, change.variance), usual)
    reach = beside.quantile(0.975)
    return float(beside.weight @ ndtr((-np.log(HALVED) - reach) / beside.deviation))


def scatter_of(usual: Mixture) -> float:
    """Mean of tau in what :func:`usual_change` returned."""
    return float(usual.weight @ _TAU)


def _beside(change: Change, usual: Mixture) -> Mixture:
    deviation = np.sqrt(np.square(usual.deviation) + change.variance)
    return Mixture(usual.weight, change.log_ratio - usual.mean, deviation)


def _prior() -> Floats:
    """Probability of each tau."""
    width = np.gradient(_TAU[1:])
    scattered = np.exp(-0.5 * np.square(_TAU[1:] / _SCALE)) * width
    return np.concatenate([[_ALIKE], (1.0 - _ALIKE) * scattered / scattered.sum()])
