"""The last weeks of nodes, day by day: commands, pages and the weekly mail get the same numbers.

A day is one of the site's time zone. It counts from when the node was hung up, and until now.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from collector.ledger.ledger import Ledger
from collector.registry.inventory import Inventory

WEEK_HOURS: Final = 7 * 24

DAYS: Final = 30
"""Days that are shown."""

_COUNTED: Final = ("connected_h", "microphone_h", "under_voltage_h")
_HOUR_S: Final = 3600.0
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


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
    start = now - timedelta(days=days + 1)
    made = {
        one: _Days(one, inventory, now, days)
        for one in (inventory.nodes if node is None else [node])
    }
    for hour in ledger.measured_hours(start, now, node=node):
        if hour.node in made:
            # Two sites within an hour cannot make it longer.
            made[hour.node].add(hour.hour_us, measured_h=min(1.0, hour.measured_s / _HOUR_S))
    for told in ledger.told_hours(start, now, node=node):
        if told.node in made:
            made[told.node].add(
                told.hour_us,
                connected_h=int(bool(told.prompt)),
                microphone_h=int(bool(told.microphone_bad)),
                under_voltage_h=int(bool(told.under_voltage)),
            )
    return {one: days.history() for one, days in made.items()}


class _Days:
    """The days of a node while they are counted."""

    def __init__(self, node: str, inventory: Inventory, now: datetime, count: int) -> None:
        site = inventory.site_of(node, now)
        zone = ZoneInfo(site.time_zone if site else "UTC")
        today = now.astimezone(zone).date()
        self._node = node
        self._days = [today - timedelta(days=ago) for ago in range(count - 1, -1, -1)]
        edges = [
            datetime.combine(day, time(), zone).astimezone(UTC)
            for day in (*self._days, today + timedelta(days=1))
        ]
        self._edges_us = [(edge - _EPOCH) // _MICROSECOND for edge in edges]
        self._counted: list[dict[str, float]] = [
            {"whole_h": _hung_h(node, inventory, begin, min(end, now))}
            for begin, end in pairwise(edges)
        ]

    def add(self, hour_us: int, **counts: float) -> None:
        """Count an hour, if it is of one of these days."""
        place = bisect_right(self._edges_us, hour_us) - 1
        if 0 <= place < len(self._counted):
            sums = self._counted[place]
            for name, count in counts.items():
                sums[name] = sums.get(name, 0) + count

    def history(self) -> History:
        """What was counted."""
        days = zip(self._days, self._counted, strict=True)
        made: list[NodeDay] = []
        for day, sums in days:
            hours = {name: int(sums.get(name, 0)) for name in _COUNTED}
            whole_h, measured_h = sums["whole_h"], sums.get("measured_h", 0.0)
            made.append(NodeDay(day=day, whole_h=whole_h, measured_h=measured_h, **hours))
        return History(self._node, tuple(made))


def _hung_h(node: str, inventory: Inventory, begin: datetime, end: datetime) -> float:
    hung_s = 0.0
    for place in inventory.placements.get(node, ()):
        since, until = max(begin, place.since), min(end, place.until or end)
        hung_s += max(0.0, (until - since).total_seconds())
    return hung_s / _HOUR_S


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
        hour_us = (at - _EPOCH) // _MICROSECOND
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
