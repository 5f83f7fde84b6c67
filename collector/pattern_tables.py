"""The ledger's rows as the tables that the analysis takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import asin, cos, nan, radians, sin, sqrt
from typing import Final

import numpy as np

from collector.analysis.episodes import Episode, Pass, passes, with_routes
from collector.analysis.hours import Ints, SiteHours, hour_at
from collector.analysis.levels import Floats, LevelHours
from collector.analysis.pass_speeds import speed_table
from collector.analysis.speed import SpeedTable
from collector.ledger.days import HOURS
from collector.ledger.ledger import Ledger
from collector.ledger.pattern_queries import SiteDays
from collector.ledger.records import LevelHour
from collector.registry.inventory import Inventory, Site
from sensor.contract.messages import LevelBatch

NEIGHBOURS_KM: Final = 3.0
"""Sites nearer to each other than this may lie on one route."""

_EARTH_KM: Final = 6371.0
_US_AN_HOUR: Final = 3_600_000_000


def hours_of_sites(
    ledger: Ledger,
    *,
    site: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    simulated: bool = False,
) -> dict[str, SiteHours]:
    """Hours of which anything is known, of each site (or one) that has any, by its id.

    `start` and `end` are taken as whole hours.
    """
    sites = ledger.registry.recent_inventory().sites
    first = -(2**62) if start is None else hour_at(start)
    last = 2**62 if end is None else hour_at(end)
    days = ledger.site_days(site=site, start=start, end=end, simulated=simulated)
    found = (_site_hours(of_site, sites[of_site.site]).between(first, last) for of_site in days)
    return {hours.site: hours for hours in found}


def passes_of_site(
    ledger: Ledger, site: str, start: datetime, end: datetime, *, simulated: bool = False
) -> list[Pass]:
    """Passes of vehicles at a site that began within [`start`, `end`)."""
    return passes(ledger.heard(site, start, end, simulated=simulated))


def episodes_by_site(
    ledger: Ledger, start: datetime | None, end: datetime | None, *, simulated: bool = False
) -> dict[str, list[Episode]]:
    """Episodes of all sites that have any, with those at neighbouring sites among the reasons."""
    found: dict[str, list[Episode]] = {}
    for site, one in ledger.episodes(start=start, end=end, simulated=simulated):
        found.setdefault(site, []).append(one)
    return with_routes(found, neighbours(ledger.registry.recent_inventory()))


def neighbours(inventory: Inventory) -> dict[str, frozenset[str]]:
    """Of each site, those within :data:`NEIGHBOURS_KM`; of one without coordinates, none."""
    sites = inventory.sites.values()
    return {
        one.id: frozenset(
            other.id
            for other in sites
            if other.id != one.id and _distance_km(one, other) <= NEIGHBOURS_KM
        )
        for one in sites
    }


def speeds_of(found: Sequence[Pass], inventory: Inventory, site: Site) -> SpeedTable:
    """Speeds of the confirmed passes among those at a site, with the limits that held."""
    limits = [limit for limit in inventory.speed_limits if limit.site == site.id]
    return speed_table(found, limits, site.time_zone)


def hours_of_levels(rows: Iterable[LevelHour]) -> dict[str, LevelHours]:
    """Levels of each node by the hour; all rows must be of one site and origin."""
    by_node: dict[str, list[LevelHour]] = {}
    for row in rows:
        by_node.setdefault(row.node, []).append(row)
    return {
        node: LevelHours(
            hour=np.array([hour_at(row.hour) for row in there], dtype=np.int64),
            energy=_numbers(row.energy for row in there),
            measured_s=np.minimum(_numbers(row.valid_s for row in there), 3600.0),
        )
        for node, there in by_node.items()
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelTable:
    """Levels of one node as they were sent.

    Attributes
    ----------
    start_s, interval_s, laeq_db, lafmax_db : ndarray of shape (n,)
        Of each interval; levels NaN where nothing was measured, times in POSIX seconds.
    batch_start_s, batch_s, batch_measured_s : ndarray of shape (batches,)
        When each batch began, how long it is, and what of it was validly measured.
    laf_db : ndarray of shape (batches, 3)
        LAF10, LAF50 and LAF90 of each batch.
    """

    start_s: Floats
    interval_s: Floats
    laeq_db: Floats
    lafmax_db: Floats
    batch_start_s: Floats
    batch_s: Floats
    batch_measured_s: Floats
    laf_db: Floats


def levels_of_node(
    ledger: Ledger, node: str, start: datetime, end: datetime, *, simulated: bool = False
) -> LevelTable:
    """Levels of the batches that begin within [`start`, `end`)."""
    batches = [
        stored.message
        for stored in ledger.messages(node, "levels", start, end)
        if isinstance(stored.message, LevelBatch)
        and ("simulated" in stored.message.flags) == simulated
    ]
    return LevelTable(
        start_s=_joined(_starts_s(batch) for batch in batches),
        interval_s=_joined(np.full(len(b.laeq_db), float(b.interval_s)) for b in batches),
        laeq_db=_joined(_numbers(batch.laeq_db) for batch in batches),
        lafmax_db=_joined(_numbers(batch.lafmax_db) for batch in batches),
        batch_start_s=_numbers(batch.start.timestamp() for batch in batches),
        batch_s=_numbers(float(batch.interval_s * len(batch.laeq_db)) for batch in batches),
        batch_measured_s=_numbers(
            batch.interval_s * sum(level is not None for level in batch.laeq_db)
            for batch in batches
        ),
        laf_db=np.array([_numbers((b.laf10_db, b.laf50_db, b.laf90_db)) for b in batches]).reshape(
            -1, 3
        ),
    )


def _site_hours(days: SiteDays, site: Site) -> SiteHours:
    begins = np.array(days.begins_us, dtype=np.int64) // _US_AN_HOUR
    hour = (begins[:, np.newaxis] + np.arange(HOURS)).ravel()
    measured_s, events = _unpacked(days.measured_s), _unpacked(days.events)
    unconfirmed, episodes = _unpacked(days.unconfirmed), _unpacked(days.episodes)
    known = (measured_s | events | unconfirmed | episodes) != 0
    return SiteHours(
        site=site.id,
        time_zone=site.time_zone,
        hour=hour[known],
        measured_s=measured_s[known],
        events=events[known],
        unconfirmed=unconfirmed[known],
        episodes=episodes[known],
    )


def _unpacked(packed: Sequence[bytes]) -> Ints:
    numbers = np.frombuffer(b"".join(packed), dtype="<i4").astype(np.int64)
    # An event that comes late may join what pruned events were once counted between.
    return np.maximum(numbers, 0)


def _numbers(values: Iterable[float | None]) -> Floats:
    return np.array([nan if value is None else value for value in values], dtype=np.float64)


def _joined(parts: Iterable[Floats]) -> Floats:
    return np.concatenate([np.zeros(0), *parts])


def _starts_s(batch: LevelBatch) -> Floats:
    count = np.arange(len(batch.laeq_db), dtype=np.float64)
    return np.asarray(batch.start.timestamp() + batch.interval_s * count)


def _distance_km(one: Site, other: Site) -> float:
    """Great-circle distance, by the haversine formula."""
    if None in {one.latitude, one.longitude, other.latitude, other.longitude}:
        return float("inf")
    lat, lon = radians(one.latitude or 0.0), radians(one.longitude or 0.0)
    lat2, lon2 = radians(other.latitude or 0.0), radians(other.longitude or 0.0)
    half = sin((lat2 - lat) / 2) ** 2 + cos(lat) * cos(lat2) * sin((lon2 - lon) / 2) ** 2
    return 2 * _EARTH_KM * asin(sqrt(half))
