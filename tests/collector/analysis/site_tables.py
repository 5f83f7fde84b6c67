"""Tables of sites made up for tests of statistics."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from collector.analysis.hours import HOURS_A_WEEK, SiteHours, hour_at

FIRST: Final = hour_at(datetime(2026, 11, 1, 23, tzinfo=UTC))
"""Local midnight of a Monday, 21 weeks before clocks change."""


def table(
    site: str,
    rate: NDArray[np.float64],
    weeks: int,
    *,
    seed: int = 0,
    measured: NDArray[np.bool_] | None = None,
    first: int = FIRST,
) -> SiteHours:
    """Poisson episodes at `rate` an hour, by hour of the week from `first` on."""
    rng = np.random.default_rng([seed, *site.encode()])
    count = rng.poisson(np.tile(rate, weeks))
    heard = np.ones(len(count), dtype=np.bool_) if measured is None else measured
    return SiteHours(
        site=site,
        time_zone="Europe/Stockholm",
        hour=first + np.flatnonzero(heard).astype(np.int64),
        measured_s=np.full(int(heard.sum()), 3600, dtype=np.int64),
        events=7 * count[heard],
        unconfirmed=np.zeros(int(heard.sum()), dtype=np.int64),
        episodes=count[heard],
    )


def evening(*hours: tuple[int, int, float], base: float = 0.005) -> NDArray[np.float64]:
    """A week at `base`, with (weekday, hour, rate) on top."""
    rate = np.full(HOURS_A_WEEK, base)
    for weekday, hour, value in hours:
        rate[24 * weekday + hour] = value
    return rate
