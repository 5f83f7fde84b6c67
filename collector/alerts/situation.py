"""What the rules look at: all that is known at one moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import isnan, nan
from typing import Final

from collector.alert_config import AlertRules
from collector.alerts.hours import within
from collector.analysis.episodes import Episode
from collector.analysis.levels import period_levels
from collector.certificates import Certificates
from collector.fleet.neighbours import Drifts, read_drifts
from collector.ledger.ledger import Ledger, NodeState
from collector.ledger.queries import level_series
from collector.registry.inventory import Inventory, Site
from collector.registry.wishes import NodeWish, Rollout, Wishes
from sensor.contract.messages import Flag, LevelBatch

_LONGEST_EPISODE: Final = timedelta(hours=12)
_DELAY: Final = timedelta(minutes=10)
"""How late the newest levels may be and still tell of now, over what one message spans."""

_NOT_THE_PLACE: Final[frozenset[Flag]] = frozenset(
    {
        "wind_suspected",
        "rain_suspected",
        "microphone_fault",
        "calibration_invalid",
        "overload",
        "commissioning",
    }
)
"""Flags of levels that do not tell how loud it was there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentLevel:
    """LAeq from `start` to `end`, of the `measured_s` that were measured there."""

    start: datetime
    end: datetime
    laeq_db: float
    measured_s: float
    simulated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeNow:
    """A node that hangs somewhere.

    Attributes
    ----------
    flags : frozenset of str
        Of the newest levels that it measured.
    level : RecentLevel, optional
        None outside the night, and where none is known.
    """

    node: str
    site: Site
    state: NodeState
    flags: frozenset[Flag] = frozenset()
    level: RecentLevel | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeNow:
    """An episode whose last pass was a moment ago.

    `speed_kmh` holds the fastest measured pass with its 95 % interval.
    """

    site: Site
    episode: Episode
    simulated: bool
    speed_kmh: tuple[float, float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerNow:
    """How the collector does that asks.

    Attributes
    ----------
    name : str
        Of several collectors, which.
    hears_since : datetime, optional
        Since when it has heard the broker without a break; None: it does not.
    free_bytes : int, optional
        On the ledger's disk; None: that is elsewhere.
    problems : mapping
        Parts that do not work, and since when.
    certificates : mapping
        Until when those that it stands on hold, as far as is known.
    """

    name: str
    hears_since: datetime | None
    free_bytes: int | None
    problems: Mapping[str, datetime]
    certificates: Certificates = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdatesNow:
    """What nodes are to run: the newest wish of each, and the newest rollout with its wishes."""

    newest: Mapping[str, NodeWish] = field(default_factory=dict)
    rollout: Rollout | None = None
    members: Sequence[NodeWish] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All of it at `now`; `drifts` are those of the nodes' backgrounds, by node."""

    now: datetime
    nodes: tuple[NodeNow, ...]
    episodes: tuple[EpisodeNow, ...]
    server: ServerNow
    drifts: Drifts = field(default_factory=dict)
    updates: UpdatesNow = UpdatesNow()


def read_situation(
    ledger: Ledger,
    wishes: Wishes,
    rules: AlertRules,
    server: ServerNow,
    now: datetime,
    drifts: Drifts | None = None,
) -> Situation:
    """Read what is known now; `drifts` are computed unless given.

    Raises
    ------
    LedgerError
        The ledger cannot be read.
    """
    inventory = ledger.registry.inventory()
    return Situation(
        now=now,
        nodes=tuple(_nodes(ledger, rules, inventory, now)),
        episodes=tuple(_episodes(ledger, rules, inventory, now)),
        server=server,
        drifts=read_drifts(ledger, inventory, rules, now) if drifts is None else drifts,
        updates=_updates(wishes),
    )


def _updates(wishes: Wishes) -> UpdatesNow:
    rollout = wishes.rollout()
    members = [] if rollout is None else wishes.members(rollout.id)
    return UpdatesNow(newest=wishes.newest(), rollout=rollout, members=members)


def _nodes(
    ledger: Ledger, rules: AlertRules, inventory: Inventory, now: datetime
) -> Iterator[NodeNow]:
    states = ledger.node_states()
    for node in inventory.nodes:
        site = inventory.site_of(node, now)
        if site is None:
            continue
        newest = _newest_levels(ledger, node)
        at_night = newest is not None and within(rules.night, now, site.time_zone)
        yield NodeNow(
            node=node,
            site=site,
            state=states.get(node, NodeState(node=node)),
            flags=frozenset(newest.flags) if newest is not None else frozenset(),
            level=_recent_level(ledger, newest, rules, now) if newest and at_night else None,
        )


def _episodes(
    ledger: Ledger, rules: AlertRules, inventory: Inventory, now: datetime
) -> Iterator[EpisodeNow]:
    ago = timedelta(minutes=rules.episode_minutes)
    for simulated in (False, True):
        for name, one in ledger.episodes(start=now - _LONGEST_EPISODE, simulated=simulated):
            if now - one.end <= ago:
                speed = _fastest(ledger, name, one, simulated)
                yield EpisodeNow(
                    site=inventory.sites[name], episode=one, simulated=simulated, speed_kmh=speed
                )


def _fastest(
    ledger: Ledger, site: str, one: Episode, simulated: bool
) -> tuple[float, float, float] | None:
    for event in ledger.heard(site, one.start, one.end, simulated=simulated):
        speed, low, high = event.speed_kmh, event.speed_low_kmh, event.speed_high_kmh
        if speed is not None and speed == one.speed_kmh and low is not None and high is not None:
            return speed, low, high
    return None


def _newest_levels(ledger: Ledger, node: str) -> LevelBatch | None:
    stored = ledger.newest(node, "levels")
    message = None if stored is None else stored.message
    return message if isinstance(message, LevelBatch) else None


def _recent_level(
    ledger: Ledger, newest: LevelBatch, rules: AlertRules, now: datetime
) -> RecentLevel | None:
    """The level of the last minutes that were told of; None: they do not tell of now."""
    spans = timedelta(seconds=newest.interval_s * len(newest.laeq_db))
    end = min(newest.start + spans, now)
    start = end - timedelta(minutes=rules.night_minutes)
    if now - end > _DELAY + spans:
        return None
    stored = ledger.messages(newest.node, "levels", start - spans, end)
    batches = (one.message for one in stored if isinstance(one.message, LevelBatch))
    good = (one for one in batches if not _NOT_THE_PLACE.intersection(one.flags))
    series = level_series(newest.node, good, start, end)
    levels = period_levels(
        [at.timestamp() for at in series.start],
        [float(interval_s) for interval_s in series.interval_s],
        [nan if level is None else level for level in series.laeq_db],
        [start.timestamp(), end.timestamp()],
    )
    laeq_db = float(levels.laeq_db[0])
    if isnan(laeq_db):
        return None
    return RecentLevel(
        start=start,
        end=end,
        laeq_db=laeq_db,
        measured_s=float(levels.measured_s[0]),
        simulated=any(series.simulated),
    )
