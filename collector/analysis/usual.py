"""Is what was counted in some hours unusual? Beside what such hours hold, by their rates.

The expected number is that of the hours that were measured, so that a node which was off does not
look quiet. How many may come in them, though nothing has changed, is a Poisson number whose mean
is itself in doubt (:mod:`collector.analysis.rates`): the interval holds both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
from scipy.special import pdtr, pdtrik

from collector.analysis.cells import cell_index
from collector.analysis.hours import SiteHours
from collector.analysis.rates import Rates, rate_quantile
from collector.analysis.school_calendar import SchoolCalendar

Verdict: TypeAlias = Literal["more", "usual", "fewer", "unmeasured"]

LEAST_MEASURED_S: Final = 3600
"""With less, nothing is said."""

# The means that the doubt is cut into, each as likely as the others.
_SHARES: Final = (np.arange(400) + 0.5) / 400


@dataclass(frozen=True, slots=True)
class Usual:
    """What one site counted in some hours, beside what is usual in them.

    Attributes
    ----------
    count, measured_s : int
        In those hours.
    expected : float
        In as much measured time, in such hours.
    low, high : int
        19 times in 20 the number lies from one to the other, both included.
    """

    site: str
    count: int
    measured_s: int
    expected: float
    low: int
    high: int

    @property
    def verdict(self) -> Verdict:
        """Whether `count` is more or fewer than is usual."""
        if self.measured_s < LEAST_MEASURED_S:
            return "unmeasured"
        if self.count > self.high:
            return "more"
        return "fewer" if self.count < self.low else "usual"


def against_usual(
    rates: Rates,
    tables: Sequence[SiteHours],
    calendar: SchoolCalendar,
    first_hour: int,
    end_hour: int,
) -> list[Usual]:
    """Compare the hours within [`first_hour`, `end_hour`) with `rates`, which know the same sites.

    `rates` should rest on earlier hours only.
    """
    tables_by_site = {table.site: table for table in tables}
    return [
        _of_site(rates, index, tables_by_site[site].between(first_hour, end_hour), calendar)
        for index, site in enumerate(rates.sites)
    ]


def _of_site(rates: Rates, index: int, rows: SiteHours, calendar: SchoolCalendar) -> Usual:
    cell = cell_index(rows.local, calendar)
    expected = rates.rate[index].ravel()[cell] * rows.measured_s / 3600.0
    mean = float(expected.sum())
    low = high = 0
    if mean > 0.0:
        # Hours of one day share what they rest on, so they are taken to be wrong together.
        shape, mean_shape = (
            float((values[index].ravel()[cell] * expected).sum()) / mean
            for values in (rates.shape, rates.mean_shape)
        )
        low, high = _interval(mean, shape, mean_shape)
    return Usual(
        site=rates.sites[index],
        count=int(getattr(rows, rates.what).sum()),
        measured_s=int(rows.measured_s.sum()),
        expected=mean,
        low=low,
        high=high,
    )


def _interval(mean: float, shape: float, mean_shape: float) -> tuple[int, int]:
    """Least numbers that are not exceeded with 2.5 % and with 97.5 % probability."""
    count = np.full(len(_SHARES), mean)
    means = rate_quantile(
        count, np.full_like(count, shape), np.full_like(count, mean_shape), _SHARES
    )
    # Beyond what the greatest of these means reaches, there is nothing left.
    most = int(np.ceil(pdtrik(0.9999, means[-1]))) + 1
    below = pdtr(np.arange(most + 1)[:, np.newaxis], means).mean(axis=1)
    return int(np.searchsorted(below, 0.025)), int(np.searchsorted(below, 0.975))
