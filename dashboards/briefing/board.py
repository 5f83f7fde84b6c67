"""What the pages and the API show, read from the ledger, the registry and the live readings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from math import isnan, nan
from typing import Final

import numpy as np

from collector.analysis.levels import PeriodLevels, period_levels
from collector.charts import LevelLine
from collector.intake.live import LiveReadings
from collector.ledger.ledger import EventRow, Ledger, LevelHour, LevelSeries, NodeState
from collector.registry.registry import Inventory, Registry, Site
from dashboards.briefing.cache import Cache
from sensor.contract.messages import Live

HOUR: Final = timedelta(hours=1)

_BATCH_DELAY: Final = timedelta(seconds=150)
"""How late the newest minute of levels may be without being missing: it comes as one message."""

_LIVE_FOR: Final = timedelta(seconds=10)
_EVENTS_IN_CHART: Final = 500


@dataclass(frozen=True, slots=True)
class HourLevel:
    """The last hour of one node: LAeq of the measured part (None: nothing was measured)."""

    laeq_db: float | None
    measured_s: float
    whole_s: float
    simulated: bool


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """One node now; `live` is its reading of the last seconds, where there is one."""

    id: str
    site: str | None
    state: NodeState
    live: Live | None
    hour: HourLevel

    @property
    def simulated(self) -> bool:
        """Whether anything that is shown of it is simulated."""
        return self.hour.simulated or (self.live is not None and "simulated" in self.live.flags)


@dataclass(frozen=True, slots=True)
class SiteStatus:
    """One site now; `measured_s` of `day_s` is the time of today that any node measured."""

    site: Site
    nodes: tuple[NodeStatus, ...]
    events_today: int
    latest: EventRow | None
    measured_s: float
    day_s: float
    simulated: bool

    @property
    def nodes_online(self) -> int:
        """How many of its nodes are online."""
        return sum(node.state.online is True for node in self.nodes)


@dataclass(frozen=True, slots=True)
class SiteLevels:
    """Levels of a site's nodes over some hours, and the events among them."""

    site: Site
    lines: tuple[LevelLine, ...]
    events: tuple[EventRow, ...]
    simulated: bool


class Board:
    """Reads what is shown, in the local time of `zone`.

    What is read from many messages is kept for some seconds, so that many readers cost little.
    """

    def __init__(
        self, ledger: Ledger, registry: Registry, live: LiveReadings, zone: tzinfo
    ) -> None:
        self.ledger = ledger
        self.registry = registry
        self.live = live
        self.zone = zone
        self._hours: Cache[str, HourLevel] = Cache(10.0)
        self._levels: Cache[tuple[str, int, int], SiteLevels] = Cache(20.0)

    def local(self, moment: datetime) -> datetime:
        """That moment as a local time."""
        return moment.astimezone(self.zone)

    def sites(self, now: datetime) -> list[SiteStatus]:
        """All sites, those with most events today first."""
        inventory = self.registry.inventory()
        states = self.ledger.node_states()
        midnight = self._midnight(now)
        hours = self.ledger.level_hours(start=midnight)
        statuses = [
            self._site(site, inventory, states, [h for h in hours if h.site == site.id], now)
            for site in inventory.sites.values()
        ]
        return sorted(statuses, key=lambda one: (-one.events_today, one.site.name.casefold()))

    def site(self, site: Site, now: datetime) -> SiteStatus:
        """One site."""
        hours = self.ledger.level_hours(site=site.id, start=self._midnight(now))
        return self._site(site, self.registry.inventory(), self.ledger.node_states(), hours, now)

    def nodes(self, now: datetime) -> list[NodeStatus]:
        """All nodes by id."""
        inventory = self.registry.inventory()
        states = self.ledger.node_states()
        return [self._node(node, inventory, states, now) for node in inventory.nodes]

    def levels_now(self, now: datetime, site: str | None = None) -> dict[str, float | None]:
        """Level of the last seconds of each node, at a site or everywhere; None: it tells none."""
        inventory = self.registry.recent_inventory()
        found: dict[str, float | None] = {}
        for node in inventory.nodes:
            there = inventory.site_of(node, now)
            if site is None or (there is not None and there.id == site):
                live = self._live(node, now)
                found[node] = None if live is None else live.laeq_db
        return found

    def live_now(self, node: str) -> Live | None:
        """The node's reading of the last seconds, if it sends any."""
        return self._live(node, datetime.now(UTC))

    def _live(self, node: str, now: datetime) -> Live | None:
        live = self.live.latest(node)
        return live if live is not None and abs(now - live.time) <= _LIVE_FOR else None

    def site_levels(self, site: Site, *, hours: int, minutes: int) -> SiteLevels:
        """Levels of the site's nodes in the last `hours`, by periods of `minutes`."""
        return self._levels.get(
            (site.id, hours, minutes),
            lambda: self._site_levels(site, datetime.now(UTC), hours, minutes),
        )

    def _midnight(self, now: datetime) -> datetime:
        today: date = self.local(now).date()
        return datetime.combine(today, time(), self.zone).astimezone(UTC)

    def _site(
        self,
        site: Site,
        inventory: Inventory,
        states: dict[str, NodeState],
        hours: Sequence[LevelHour],
        now: datetime,
    ) -> SiteStatus:
        midnight = self._midnight(now)
        here = [node for node in inventory.nodes if inventory.site_of(node, now) == site]
        nodes = tuple(self._node(node, inventory, states, now) for node in here)
        latest = next(iter(self.ledger.events(site=site.id, limit=1)), None)
        return SiteStatus(
            site=site,
            nodes=nodes,
            events_today=self.ledger.count_events(site=site.id, start=midnight),
            latest=latest,
            measured_s=_measured_s(hours),
            day_s=(now - midnight).total_seconds(),
            simulated=any(node.simulated for node in nodes)
            or any(hour.simulated for hour in hours)
            or (latest is not None and latest.simulated),
        )

    def _node(
        self, node: str, inventory: Inventory, states: dict[str, NodeState], now: datetime
    ) -> NodeStatus:
        site = inventory.site_of(node, now)
        return NodeStatus(
            id=node,
            site=site.id if site else None,
            state=states.get(node, NodeState(node=node)),
            live=self._live(node, now),
            hour=self._hours.get(node, lambda: self._hour(node, now)),
        )

    def _hour(self, node: str, now: datetime) -> HourLevel:
        series = self.ledger.levels(node, now - HOUR - _BATCH_DELAY, now + _BATCH_DELAY)
        end = now
        if series.start:
            last = series.start[-1] + timedelta(seconds=series.interval_s[-1])
            end = last if abs(now - last) <= _BATCH_DELAY else now
        hour_s = HOUR.total_seconds()
        periods = _periods(series, [end.timestamp() - hour_s, end.timestamp()])
        level = float(periods.laeq_db[0])
        return HourLevel(
            laeq_db=None if isnan(level) else level,
            measured_s=float(periods.measured_s[0]),
            whole_s=hour_s,
            simulated=any(series.simulated),
        )

    def _site_levels(self, site: Site, now: datetime, hours: int, minutes: int) -> SiteLevels:
        inventory = self.registry.inventory()
        period_s = 60 * minutes
        end_s = -(-int(now.timestamp()) // period_s) * period_s
        edges_s = np.arange(end_s - 3600 * hours, end_s + 1, period_s)
        start, end = (datetime.fromtimestamp(int(edge), UTC) for edge in edges_s[[0, -1]])
        here = [node for node in inventory.nodes if inventory.site_of(node, now) == site]
        series = [self.ledger.levels(node, start - HOUR, end) for node in here]
        events = self.ledger.events(site=site.id, start=start, end=end, limit=_EVENTS_IN_CHART)
        return SiteLevels(
            site=site,
            lines=tuple(LevelLine(one.node, _periods(one, edges_s)) for one in series),
            events=tuple(events),
            simulated=any(any(one.simulated) for one in series)
            or any(event.simulated for event in events),
        )


def _periods(series: LevelSeries, edges_s: Sequence[float] | np.ndarray) -> PeriodLevels:
    return period_levels(
        [start.timestamp() for start in series.start],
        np.array(series.interval_s, dtype=np.float64),
        [nan if level is None else level for level in series.laeq_db],
        edges_s,
    )


def _measured_s(hours: Sequence[LevelHour]) -> float:
    # Of nodes at the same site, the one that measured longest counts in each hour.
    longest: dict[datetime, float] = {}
    for hour in hours:
        longest[hour.hour] = max(longest.get(hour.hour, 0.0), float(hour.valid_s))
    return sum(longest.values())
