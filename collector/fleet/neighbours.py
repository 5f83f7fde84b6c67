"""Which nodes are neighbours, and how each one's background has drifted against theirs."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from math import asin, cos, radians, sin, sqrt
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np

from collector.alert_config import AlertRules
from collector.analysis.drift import (
    NIGHT_HOURS,
    WINDOW_NIGHTS,
    Drift,
    FloatArray,
    Untold,
    begins,
    drift,
    nights,
    window,
)
from collector.ledger.ledger import Ledger
from collector.registry.inventory import Inventory, Site
from sensor.contract.messages import CalibrationCheck

Drifts: TypeAlias = Mapping[str, Drift | Untold]

_EARTH_KM: Final = 6371.0
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_KEPT: Final = timedelta(hours=1)


class DriftWatch:
    """Drifts, computed at most once an hour: nights do not change faster."""

    def __init__(self, ledger: Ledger, rules: AlertRules) -> None:
        self._ledger = ledger
        self._rules = rules
        self._lock = threading.Lock()
        self._made: tuple[datetime, Drifts] | None = None

    def drifts(self, now: datetime) -> Drifts:
        """Drifts as of `now`, or of less than an hour before."""
        with self._lock:
            if self._made is None or not timedelta(0) <= now - self._made[0] < _KEPT:
                inventory = self._ledger.registry.inventory()
                self._made = (now, read_drifts(self._ledger, inventory, self._rules, now))
            return self._made[1]


def read_drifts(
    ledger: Ledger, inventory: Inventory, rules: AlertRules, now: datetime
) -> dict[str, Drift | Untold]:
    """Return of each node that hangs somewhere how its background has drifted.

    What was measured before a node was hung where it is, or before a check with a calibrator that
    changed its adjustment, is no measure of it.
    """
    states = ledger.node_states()
    found: dict[str, Drift | Untold] = {}
    for simulated in (False, True):
        sites = {
            node: site
            for node in inventory.nodes
            if node in states
            and states[node].simulated is simulated
            and (site := inventory.site_of(node, now)) is not None
        }
        if sites:
            found |= _drifts(ledger, inventory, sites, rules, now, simulated=simulated)
    return found


def are_neighbours(one: Site, other: Site, most_km: float) -> bool:
    """Whether two sites share their weather: the same, or not farther apart than that."""
    if one.id == other.id:
        return True
    if one.latitude is None or one.longitude is None:
        return False
    if other.latitude is None or other.longitude is None:
        return False
    return _distance_km((one.latitude, one.longitude), (other.latitude, other.longitude)) <= most_km


def _drifts(
    ledger: Ledger,
    inventory: Inventory,
    sites: Mapping[str, Site],
    rules: AlertRules,
    now: datetime,
    *,
    simulated: bool,
) -> dict[str, Drift | Untold]:
    first = {site.time_zone: window(now, site.time_zone) for site in sites.values()}
    start = min(begins(day, zone) for zone, day in first.items())
    hours: dict[str, list[tuple[datetime, float]]] = {node: [] for node in sites}
    valid_since = {node: _valid_since(ledger, inventory, node, start, now) for node in sites}
    rows = ledger.background_hours(
        list(sites), start, now, hours_utc=_hours_utc(first, now), simulated=simulated
    )
    for row in rows:
        at = _EPOCH + row.hour_us * _MICROSECOND
        if at >= valid_since[row.node]:
            hours[row.node].append((at, row.background_db))
    backgrounds = {
        node: nights(hours[node], first[site.time_zone], WINDOW_NIGHTS, site.time_zone)
        for node, site in sites.items()
    }
    return {
        node: drift(
            backgrounds[node],
            _others(node, sites, backgrounds, rules.neighbour_km),
            first[site.time_zone],
            rules.drift_db,
        )
        for node, site in sites.items()
    }


def _others(
    node: str, sites: Mapping[str, Site], backgrounds: Mapping[str, FloatArray], most_km: float
) -> FloatArray:
    others = [
        backgrounds[other]
        for other, site in sites.items()
        if other != node and are_neighbours(sites[node], site, most_km)
    ]
    return np.array(others) if others else np.empty((0, WINDOW_NIGHTS))


def _valid_since(
    ledger: Ledger, inventory: Inventory, node: str, start: datetime, now: datetime
) -> datetime:
    placed = next(
        (one.since for one in reversed(inventory.placements[node]) if one.holds_at(now)), start
    )
    since = max(start, placed)
    for stored in ledger.messages(node, "calibration", since, now):
        check = stored.message
        if isinstance(check, CalibrationCheck) and check.result != "ok":
            since = max(since, check.time)
    return since


def _hours_utc(first: Mapping[str, date], now: datetime) -> Collection[int]:
    """Hours of the day in UTC that are hours of the night in one of the zones, summer or winter."""
    found = set()
    for zone in first:
        for moment in (now, now - timedelta(days=WINDOW_NIGHTS)):
            offset = moment.astimezone(ZoneInfo(zone)).utcoffset() or timedelta(0)
            found |= {int((hour - offset / timedelta(hours=1)) % 24) for hour in NIGHT_HOURS}
    return found


def _distance_km(one: tuple[float, float], other: tuple[float, float]) -> float:
    (north, east), (other_north, other_east) = (map(radians, place) for place in (one, other))
    half = (
        sin((other_north - north) / 2) ** 2
        + cos(north) * cos(other_north) * sin((other_east - east) / 2) ** 2
    )
    return 2 * _EARTH_KM * asin(sqrt(half))
