"""Week by week: how often something happened at a site, with its doubt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import gamma

from collector.analysis.cells import What
from collector.analysis.hours import HOURS_A_WEEK, SiteHours
from collector.analysis.speed import Estimate

_WEEK_S: Final = 3600.0 * HOURS_A_WEEK


@dataclass(frozen=True, slots=True)
class WeekCount:
    """What was counted within a week.

    Attributes
    ----------
    count : int
    measured_s : int
    a_week : Estimate
        As many would have been counted, had the whole week been measured; see :func:`a_week`.
    """

    count: int
    measured_s: int
    a_week: Estimate


def week_count(
    table: SiteHours, first_hour: int, end_hour: int, what: What = "episodes"
) -> WeekCount:
    """Count the hours within [`first_hour`, `end_hour`), which a week's are, of one site."""
    rows = table.between(first_hour, end_hour)
    count, measured_s = int(getattr(rows, what).sum()), int(rows.measured_s.sum())
    return WeekCount(count, measured_s, a_week(count, measured_s))


def a_week(count: int, measured_s: float) -> Estimate:
    """Rate a week of measuring, with Jeffreys' 95 % interval of a Poisson rate; else NaN.

    What was not measured is taken to have been like the rest of the week.

    References
    ----------
    L. D. Brown, T. T. Cai, A. DasGupta: Interval estimation in exponential families, 2003.
    """
    if measured_s <= 0:
        return Estimate(float("nan"), float("nan"), float("nan"))
    weeks = measured_s / _WEEK_S
    low, high = gamma.ppf(np.array([0.025, 0.975]), count + 0.5) / weeks
    return Estimate(count / weeks, float(low) if count else 0.0, float(high))
