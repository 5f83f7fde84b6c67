"""The last weeks of nodes, day by day: commands, pages and the weekly mail get the same numbers.

A day is one of the site's time zone. It counts from when the node was hung up, and until now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from collector.ledger.ledger import Ledger
from collector.registry.inventory import Inventory

WEEK_HOURS: Final = 7 * 24

DAYS: Final = 30
"""Days that are shown."""

_HOUR_US: Final = 3_600_000_000
_HOUR_S: Final = 3600.0
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeDay:
    """One local day of a node.

    Attributes
    ----------
    whole_h : float
        Hours of it that the node hung somewhere, so far; 0: it did not.
    measured_h : float
        Of these, hours that it validly measured, whenever it sent them.
    connected_h : int
        Hours in which a report came in at once.
    microphone_h, under_voltage_h : int
        Hours with a report of a faulty microphone, or of a weak supply.
    """

    day: date
    whole_h: float
    measured_h: float = 0.0
    connected_h: int = 0
    microphone_h: int = 0
    under_voltage_h: int = 0

    @property
    def measured_share(self) -> float | None:
        """Measured part; None: it hung nowhere."""
        return min(1.0, self.measured_h / self.whole_h) if self.whole_h > 0 else None

    @property
    def faulty(self) -> bool:
        """Whether it told of a fault."""
        return self.microphone_h > 0 or self.under_voltage_h > 0


@dataclass(frozen=True, slots=True)
class History:
    """The days of one node, oldest first."""

    node: str
    days: tuple[NodeDay, ...]

    @property
    def measured_share(self) -> float | None:
        """Measured part of all; None: it hung nowhere."""
        whole_h = sum(one.whole_h for one in self.days)
        return min(1.0, sum(one.measured_h for one in self.days) / whole_h) if whole_h else None

    @property
    def connected_share(self) -> float | None:
        """Part of the hours in which it was heard at once; None: it hung nowhere."""
        whole_h = sum(one.whole_h for one in self.days)
        return min(1.0, sum(one.connected_h for one in self.days) / whole_h) if whole_h else None


def histories(
    ledger: Ledger,
    inventory: Inventory,
    now: datetime,
    *,
    days: int = DAYS,
    node: str | None = None,
) -> dict[str, History]:
    """Return the last `days` local days of every node, or of one; today is the last."""
    nodes = list(inventory.nodes) if node is None else [node]
    start = now - timedelta(days=days + 1)
    measured: dict[str, dict[int, float]] = {one: {} for one in nodes}
    for hour in ledger.measured_hours(start, now, node=node):
        if hour.node in measured:
            # Two sites within an hour cannot make it longer.
            measured[hour.node][hour.hour_us] = min(1.0, hour.measured_s / _HOUR_S)
    told: dict[str, list[tuple[int, int, int, int]]] = {one: [] for one in nodes}
    for row in ledger.told_hours(start, now, node=node):
        if row.node in told:
            counts = (row.prompt or 0, row.microphone_bad or 0, row.under_voltage or 0)
            told[row.node].append((row.hour_us, *counts))
    return {one: _history(one, inventory, now, days, measured[one], told[one]) for one in nodes}


def _history(
    node: str,
    inventory: Inventory,
    now: datetime,
    count: int,
    measured: Mapping[int, float],
    told: Iterable[tuple[int, int, int, int]],
) -> History:
    site = inventory.site_of(node, now)
    zone = ZoneInfo(site.time_zone if site else "UTC")
    today = now.astimezone(zone).date()
    first = today - timedelta(days=count - 1)
    days = {
        day: NodeDay(day=day, whole_h=_hung_h(node, inventory, day, zone, now))
        for day in (first + timedelta(days=n) for n in range(count))
    }
    for hour_us, part in measured.items():
        day = _day(hour_us, zone)
        if day in days:
            days[day] = replace(days[day], measured_h=days[day].measured_h + part)
    for hour_us, prompt, microphone, under_voltage in told:
        day = _day(hour_us, zone)
        if day in days:
            before = days[day]
            days[day] = replace(
                before,
                connected_h=before.connected_h + (prompt > 0),
                microphone_h=before.microphone_h + (microphone > 0),
                under_voltage_h=before.under_voltage_h + (under_voltage > 0),
            )
    return History(node, tuple(days.values()))


def _hung_h(node: str, inventory: Inventory, day: date, zone: ZoneInfo, now: datetime) -> float:
    begin = datetime.combine(day, time(), zone).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    hung_s = 0.0
    for place in inventory.placements.get(node, ()):
        from_, until = max(begin, place.since), min(end, now, place.until or now)
        hung_s += max(0.0, (until - from_).total_seconds())
    return hung_s / _HOUR_S


def _day(hour_us: int, zone: ZoneInfo) -> date:
    return (_EPOCH + hour_us // _HOUR_US * timedelta(hours=1)).astimezone(zone).date()


@dataclass(frozen=True, slots=True)
class Week:
    """The last 168 whole hours.

    Attributes
    ----------
    connected : mapping
        By node, the part of the hours that it hung somewhere in which it was heard at once.
    measured : mapping
        By site, the part of the hours that a node hung there that any of them measured.
    """

    connected: Mapping[str, float]
    measured: Mapping[str, float]


def past_week(ledger: Ledger, inventory: Inventory, now: datetime, nodes: Iterable[str]) -> Week:
    """Return how much of the last week `nodes` were heard, and their sites measured."""
    end = now.replace(minute=0, second=0, microsecond=0)
    start = end - timedelta(hours=WEEK_HOURS)
    chosen = frozenset(nodes)
    measured = {
        (one.node, one.hour_us): min(1.0, one.measured_s / _HOUR_S)
        for one in ledger.measured_hours(start, end)
    }
    heard = {(one.node, one.hour_us) for one in ledger.told_hours(start, end) if one.prompt}
    by_node: dict[str, list[bool]] = {}
    by_site: dict[str, dict[int, float]] = {}
    for number in range(WEEK_HOURS):
        at = start + timedelta(hours=number)
        hour_us = (at - _EPOCH) // timedelta(microseconds=1)
        for node in chosen:
            site = inventory.site_of(node, at)
            if site is None:
                continue
            by_node.setdefault(node, []).append((node, hour_us) in heard)
            hours = by_site.setdefault(site.id, {})
            hours[number] = max(hours.get(number, 0.0), measured.get((node, hour_us), 0.0))
    return Week(
        connected={node: sum(hours) / len(hours) for node, hours in by_node.items()},
        measured={site: sum(hours.values()) / len(hours) for site, hours in by_site.items()},
    )
