"""Do the intervals of rates hold what they promise? Beside true rates, where these are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from collector.analysis.cells import TYPES, Floats, cell_index
from collector.analysis.hours import HOURS_A_WEEK, SiteHours, local_hours
from collector.analysis.patrol import MIN_MEASURED_H
from collector.analysis.rates import fit_rates
from collector.analysis.school_calendar import SchoolCalendar

TrueRates: TypeAlias = Mapping[str, tuple[int, Floats]]
"""Of each site the first hour (since 1970) and the expected episodes, hour by hour."""

BUSY_RATE: Final = 0.02
"""From one episode in 50 hours on, an hour is worth looking at."""

_CELLS: Final = TYPES * HOURS_A_WEEK


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many intervals of measured cells hold the true rate.

    Attributes
    ----------
    cells, held : int
        All cells that were measured for long enough.
    busy_cells, busy_held : int
        Those of them with a true rate of at least :data:`BUSY_RATE`.
    """

    cells: int
    held: int
    busy_cells: int
    busy_held: int

    @property
    def share(self) -> float:
        """Of all cells; NaN where there are none."""
        return self.held / self.cells if self.cells else float("nan")

    @property
    def busy_share(self) -> float:
        """Of busy cells; NaN where there are none."""
        return self.busy_held / self.busy_cells if self.busy_cells else float("nan")


def rate_coverage(
    tables: Sequence[SiteHours],
    calendar: SchoolCalendar,
    truth: TrueRates,
    first_hour: int,
    end_hour: int,
    *,
    confidence: float = 0.95,
) -> Coverage:
    """Fit rates to [`first_hour`, `end_hour`) and compare them with the true means of that time."""
    rows = [table.between(first_hour, end_hour) for table in tables]
    rates = fit_rates(rows, calendar, end_hour=end_hour, recency=False)
    low, high = rates.interval(confidence)
    true = np.array(
        [_true_cells(table, calendar, truth[table.site], first_hour, end_hour) for table in tables]
    )
    used = (rates.measured_h >= MIN_MEASURED_H) & np.isfinite(true)
    held = used & (low <= true) & (true <= high)
    busy = used & (true >= BUSY_RATE)
    return Coverage(int(used.sum()), int(held.sum()), int(busy.sum()), int((held & busy).sum()))


def _true_cells(
    table: SiteHours,
    calendar: SchoolCalendar,
    truth: tuple[int, Floats],
    first_hour: int,
    end_hour: int,
) -> Floats:
    """Mean true rates of the period, shape (day types, 168); NaN where there was no such hour."""
    first, expected = truth
    hours = np.arange(max(first, first_hour), min(end_hour, first + len(expected)), dtype=np.int64)
    cell = cell_index(local_hours(hours, table.time_zone), calendar)
    count = np.bincount(cell, minlength=_CELLS)
    sums = np.bincount(cell, expected[hours - first], minlength=_CELLS)
    means = np.where(count > 0, sums / np.maximum(count, 1), np.nan)
    return np.asarray(means.reshape(TYPES, HOURS_A_WEEK))
