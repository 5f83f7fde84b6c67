"""What everybody may see: whole quarter-hours of each site, and no single event.

A quarter-hour is shown once it is over, so that nobody can watch it grow second by second. Its
level is left out where too little of it was measured, and its number of events where they are
few. No sum is shown from which a number that is left out could be worked out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import nan
from typing import Final

import numpy as np

from collector.analysis.levels import PeriodLevels, energy, level_db, period_levels
from collector.ledger.ledger import EventRow, LevelSeries
from collector.registry.registry import Site
from dashboards.briefing.board import Board

QUARTER: Final = timedelta(minutes=15)
HOURS: Final = 24
LEAST_COVERAGE: Final = 0.5
"""A level of less than this part of a quarter-hour would tell of moments."""

_LONGEST_BATCH: Final = timedelta(hours=1)
_MOST_EVENTS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Quarter:
    """A quarter-hour at a site; None: not measured, or, of events, too few to be told."""

    start: datetime
    laeq_db: float | None
    measured_s: float
    events: int | None


@dataclass(frozen=True, slots=True)
class SiteQuarters:
    """The last hours at a site, the oldest quarter-hour first; `levels` is them as arrays."""

    site: Site
    quarters: tuple[Quarter, ...]
    levels: PeriodLevels
    simulated: bool

    @property
    def newest_first(self) -> tuple[Quarter, ...]:
        """As a table has them."""
        return self.quarters[::-1]


def last_whole(now: datetime) -> datetime:
    """The end of the last quarter-hour that is over."""
    quarter_s = QUARTER.total_seconds()
    return datetime.fromtimestamp(now.timestamp() // quarter_s * quarter_s, UTC)


def site_quarters(board: Board, site: Site, end: datetime, small_count: int) -> SiteQuarters:
    """The quarter-hours of the `HOURS` before `end`, which is the end of one.

    Of several nodes at a site, each counts by how long it measured.
    """
    start = end - timedelta(hours=HOURS)
    edges_s = np.arange(start.timestamp(), end.timestamp() + 1, QUARTER.total_seconds())
    inventory = board.registry.inventory()
    here = [node for node in inventory.nodes if inventory.site_of(node, end) == site]
    series = [board.ledger.levels(node, start - _LONGEST_BATCH, end) for node in here]
    levels = _together([_periods(one, edges_s) for one in series], edges_s)
    events = board.ledger.events(site=site.id, start=start, end=end, limit=_MOST_EVENTS)
    return SiteQuarters(
        site=site,
        quarters=_quarters(levels, events, small_count),
        levels=levels,
        simulated=any(any(one.simulated) for one in series) or any(e.simulated for e in events),
    )


def _periods(series: LevelSeries, edges_s: np.ndarray) -> PeriodLevels:
    return period_levels(
        [start.timestamp() for start in series.start],
        np.array(series.interval_s, dtype=np.float64),
        [nan if level is None else level for level in series.laeq_db],
        edges_s,
    )


def _together(nodes: list[PeriodLevels], edges_s: np.ndarray) -> PeriodLevels:
    """Levels of a site from those of its nodes; what was hardly measured is left out."""
    shape = (len(edges_s) - 1,)
    total, weight, longest = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for one in nodes:
        total += np.nan_to_num(energy(one.laeq_db)) * one.measured_s
        weight += one.measured_s
        longest = np.maximum(longest, one.measured_s)
    mean = np.divide(total, weight, out=np.zeros(shape), where=weight > 0)
    enough = longest >= LEAST_COVERAGE * np.diff(edges_s)
    return PeriodLevels(
        start_s=edges_s[:-1],
        end_s=edges_s[1:],
        laeq_db=np.where(enough, level_db(mean), np.nan),
        measured_s=longest,
    )


def _quarters(
    levels: PeriodLevels, events: Iterable[EventRow], small_count: int
) -> tuple[Quarter, ...]:
    counts = Counter(last_whole(event.start) for event in events)
    starts = [datetime.fromtimestamp(float(start_s), UTC) for start_s in levels.start_s]
    return tuple(
        Quarter(
            start=start,
            laeq_db=None if np.isnan(laeq_db) else round(float(laeq_db), 1),
            measured_s=float(measured_s),
            events=counts[start] if counts[start] >= small_count else None,
        )
        for start, laeq_db, measured_s in zip(
            starts, levels.laeq_db, levels.measured_s, strict=True
        )
    )
