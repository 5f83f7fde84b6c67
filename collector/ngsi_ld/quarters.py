"""What a node measured, and what passed at a site, in a quarter of an hour: the finest outside."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import isnan, nan, sqrt
from typing import Final

from collector.analysis.episodes import Pass
from collector.analysis.levels import period_levels
from collector.ledger.ledger import Ledger
from collector.ledger.queries import level_series
from collector.pattern_tables import passes_of_site
from collector.registry.inventory import Inventory, Site
from sensor.contract.messages import Flag, LevelBatch

QUARTER: Final = timedelta(minutes=15)

LEVEL_U95_DB: Final = 2.1
"""Expanded uncertainty (95 %) of a level: docs/measurement-procedure.md has its budget."""

_LONGEST_BATCH: Final = timedelta(hours=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseQuarter:
    """Levels of one node in the quarter of an hour from `start` on.

    Attributes
    ----------
    laeq_db, lafmax_db : float, optional
        None: nothing was validly measured.
    measured_s : float
    flags : frozenset of str
        What must be said of it.
    """

    node: str
    site: Site
    start: datetime
    laeq_db: float | None
    lafmax_db: float | None
    measured_s: float
    flags: frozenset[Flag]
    simulated: bool

    @property
    def end(self) -> datetime:
        """When it ended."""
        return self.start + QUARTER


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficQuarter:
    """Passes at one site in the quarter of an hour from `start` on.

    Attributes
    ----------
    passes : int
        Vehicles that were loud enough to be heard as events; far from all that passed.
    unconfirmed : int
        Passes of unsure source.
    clocked : int
        Of how many the speed was measured.
    speed_kmh, uncertainty_kmh : float, optional
        Their mean, and half its 95 % interval, each speed's own being independent.
    measured_s : float
        For how long any node there measured.
    """

    site: Site
    start: datetime
    passes: int
    unconfirmed: int
    clocked: int
    speed_kmh: float | None
    uncertainty_kmh: float | None
    measured_s: float
    simulated: bool

    @property
    def end(self) -> datetime:
        """When it ended."""
        return self.start + QUARTER


def quarter_at(moment: datetime) -> datetime:
    """When the quarter of an hour begins in which a moment lies."""
    return moment - (moment - _EPOCH) % QUARTER


def end_of(batch: LevelBatch) -> datetime:
    """When the last interval of a batch ends."""
    return batch.start + timedelta(seconds=batch.interval_s * len(batch.laeq_db))


def last_quarter(ledger: Ledger, node: str) -> datetime | None:
    """When the newest whole quarter begins that a node's levels reach over; None: there is none."""
    stored = ledger.newest(node, "levels")
    if stored is None or not isinstance(stored.message, LevelBatch):
        return None
    return quarter_at(end_of(stored.message)) - QUARTER


def noise_quarter(
    ledger: Ledger, inventory: Inventory, node: str, start: datetime
) -> NoiseQuarter | None:
    """What a node measured in the quarter from `start` on; None: it hung nowhere then."""
    site = inventory.site_of(node, start)
    if site is None:
        return None
    end = start + QUARTER
    batches = [
        stored.message
        for stored in ledger.messages(node, "levels", start - _LONGEST_BATCH, end)
        if isinstance(stored.message, LevelBatch) and end_of(stored.message) > start
    ]
    series = level_series(node, batches, start, end)
    levels = period_levels(
        [at.timestamp() for at in series.start],
        [float(interval_s) for interval_s in series.interval_s],
        [nan if level is None else level for level in series.laeq_db],
        [start.timestamp(), end.timestamp()],
    )
    laeq_db = float(levels.laeq_db[0])
    loudest = max((level for level in series.lafmax_db if level is not None), default=None)
    return NoiseQuarter(
        node=node,
        site=site,
        start=start,
        laeq_db=None if isnan(laeq_db) else laeq_db,
        lafmax_db=loudest,
        measured_s=float(levels.measured_s[0]),
        flags=frozenset(flag for batch in batches for flag in batch.flags) - {"simulated"},
        simulated=any(series.simulated),
    )


def traffic_quarter(
    ledger: Ledger, site: Site, start: datetime, noise: Iterable[NoiseQuarter]
) -> TrafficQuarter:
    """What passed at a site, whose nodes measured `noise` in that quarter."""
    there = list(noise)
    simulated = any(one.simulated for one in there)
    found = passes_of_site(ledger, site.id, start, start + QUARTER, simulated=simulated)
    counted = TrafficQuarter(
        site=site,
        start=start,
        passes=sum(one.confirmed for one in found),
        unconfirmed=sum(not one.confirmed for one in found),
        clocked=0,
        speed_kmh=None,
        uncertainty_kmh=None,
        measured_s=max((one.measured_s for one in there), default=0.0),
        simulated=simulated,
    )
    return _with_speeds(counted, found)


def _with_speeds(counted: TrafficQuarter, found: Iterable[Pass]) -> TrafficQuarter:
    speeds: list[tuple[float, float]] = []
    for one in found:
        event = one.clocked
        if event is None or event.speed_kmh is None:
            continue
        low, high = event.speed_low_kmh, event.speed_high_kmh
        half = nan if low is None or high is None else (high - low) / 2
        speeds.append((event.speed_kmh, half))
    if not speeds:
        return counted
    count = len(speeds)
    mean = sum(speed for speed, _ in speeds) / count
    uncertainty = sqrt(sum(half**2 for _, half in speeds)) / count
    return replace(
        counted,
        clocked=count,
        speed_kmh=mean,
        uncertainty_kmh=None if isnan(uncertainty) else uncertainty,
    )
