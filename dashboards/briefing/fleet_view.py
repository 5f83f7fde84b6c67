"""How the nodes do: what a technician looks at before going there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from collector.ledger.ledger import Ledger, LevelHour, NodeState
from collector.registry.registry import Site
from dashboards.briefing.board import HOUR, Board
from dashboards.briefing.cache import Cache

DAY: Final = timedelta(days=1)
WEEK: Final = timedelta(weeks=1)

_KEPT_S: Final = 30.0
_LATEST: Final = 3
_LEAST_S: Final = 60
"""An hour with less than a minute of measuring counts as an outage."""


@dataclass(frozen=True, slots=True)
class Outage:
    """Whole hours in a row in which a node measured nothing."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeView:
    """One node.

    Attributes
    ----------
    state : NodeState
        Where the ledger stands with it.
    health : mapping
        Its newest health message; empty: none came yet.
    calibrated_at : datetime, optional
        When it was last checked with a calibrator, as it says itself.
    day_s, week_s : float
        Measured seconds of the last day and week.
    outages : tuple of Outage
        Of the last week, newest first.
    """

    id: str
    site: Site | None
    state: NodeState
    health: Mapping[str, Any]
    calibrated_at: datetime | None
    day_s: float
    week_s: float
    outages: tuple[Outage, ...]

    @property
    def attention(self) -> tuple[str, ...]:
        """What somebody should look at, as keys of texts."""
        state, health = self.state, self.health
        found = {
            "offline": state.online is False,
            "never": state.online is None,
            "microphone": health.get("microphone") not in {None, "ok", "unknown"},
            "calibration": bool(_CALIBRATION & set(health.get("flags", ()))),
            "clock": health.get("clock_synchronised") is False,
            "missing": state.missing > 0,
            "lost": state.lost > 0,
            "breaks": state.chain_breaks > 0,
            "forks": state.forks > 0,
        }
        return tuple(key for key, holds in found.items() if holds)


_CALIBRATION: Final = frozenset({"calibration_due", "calibration_invalid"})


@dataclass(frozen=True, slots=True)
class Fleet:
    """All nodes, those that need attention first, and what was refused."""

    nodes: tuple[NodeView, ...]
    refusals: Mapping[str, int]

    @property
    def online(self) -> int:
        """How many are connected."""
        return sum(node.state.online is True for node in self.nodes)


class Fleets:
    """Makes them; each is kept for half a minute."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._kept: Cache[None, Fleet] = Cache(_KEPT_S)

    def fleet(self) -> Fleet:
        """How the nodes do now."""
        return self._kept.get(None, lambda: _fleet(self._board, datetime.now(UTC)))


def _fleet(board: Board, now: datetime) -> Fleet:
    ledger: Ledger = board.ledger
    inventory = board.registry.inventory()
    states = ledger.node_states()
    by_node: dict[str, list[LevelHour]] = {}
    for row in ledger.level_hours(start=now - WEEK):
        by_node.setdefault(row.node, []).append(row)
    nodes = [
        _node(node, inventory.site_of(node, now), states.get(node), by_node.get(node, []), now)
        for node in inventory.nodes
    ]
    nodes.sort(key=lambda one: (not one.attention, one.site.name if one.site else "", one.id))
    return Fleet(tuple(nodes), ledger.refusals())


def _node(
    node: str, site: Site | None, state: NodeState | None, hours: Sequence[LevelHour], now: datetime
) -> NodeView:
    known = state or NodeState(node=node)
    health = known.health or {}
    calibrated_at = health.get("calibrated_at")
    return NodeView(
        id=node,
        site=site,
        state=known,
        health=health,
        calibrated_at=datetime.fromisoformat(calibrated_at) if calibrated_at else None,
        day_s=_measured_s(hour for hour in hours if hour.hour >= now - DAY),
        week_s=_measured_s(hours),
        outages=_outages(hours, now),
    )


def _measured_s(hours: Iterable[LevelHour]) -> float:
    # An hour that a node spent at two sites has two rows.
    return float(sum(hour.valid_s for hour in hours))


def _outages(hours: Sequence[LevelHour], now: datetime) -> tuple[Outage, ...]:
    measured = {hour.hour for hour in hours if hour.valid_s >= _LEAST_S}
    begin = (now - WEEK).replace(minute=0, second=0, microsecond=0) + HOUR
    # The hour that is not over may still come.
    count = int((now - begin) // HOUR)
    found: list[Outage] = []
    for hour in (begin + n * HOUR for n in range(count)):
        if hour in measured:
            continue
        if found and found[-1].end == hour:
            found[-1] = Outage(found[-1].start, hour + HOUR)
        else:
            found.append(Outage(hour, hour + HOUR))
    return tuple(found[::-1])
