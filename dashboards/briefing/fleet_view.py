"""How the nodes do: what a technician looks at before going there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from collector.alert_config import AlertRules
from collector.alerts.condition import Condition
from collector.alerts.node_rules import node_needs
from collector.alerts.situation import NodeNow
from collector.analysis.drift import Drift, Untold
from collector.fleet.history import History, histories
from collector.fleet.neighbours import DriftWatch
from collector.ledger.ledger import LevelHour, NodeState
from collector.registry.inventory import Inventory
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
    history : History
        The last days.
    needs : tuple of Condition
        What the rules of alerts find besides.
    """

    id: str
    site: Site | None
    state: NodeState
    health: Mapping[str, Any]
    calibrated_at: datetime | None
    day_s: float
    week_s: float
    outages: tuple[Outage, ...]
    history: History
    needs: tuple[Condition, ...] = ()

    @property
    def needs_hands(self) -> bool:
        """Whether somebody should look at it."""
        return bool(self.attention or self.needs)

    @property
    def attention(self) -> tuple[str, ...]:
        """What somebody should look at, as keys of texts."""
        state, health = self.state, self.health
        found = {
            "offline": state.online is False,
            "never": state.online is None,
            "microphone": health.get("microphone") not in {None, "ok", "unknown"},
            "calibration": bool(_CALIBRATION & set(health.get("flags", ()))),
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
    """Makes them; each is kept for half a minute.

    Parameters
    ----------
    rules : AlertRules
        From when on something needs hands.
    """

    def __init__(self, board: Board, rules: AlertRules) -> None:
        self._board = board
        self.rules = rules
        self._drifts = DriftWatch(board.ledger, rules)
        self._kept: Cache[None, Fleet] = Cache(_KEPT_S)

    def fleet(self) -> Fleet:
        """How the nodes do now."""
        return self._kept.get(None, lambda: self._fleet(datetime.now(UTC)))

    def drift(self, node: str) -> Drift | Untold | None:
        """How a node's background has drifted; None: it hangs nowhere, or has sent nothing."""
        return self._drifts.drifts(datetime.now(UTC)).get(node)

    def _fleet(self, now: datetime) -> Fleet:
        ledger = self._board.ledger
        inventory = self._board.registry.inventory()
        states = ledger.node_states()
        by_node: dict[str, list[LevelHour]] = {}
        for row in ledger.level_hours(start=now - WEEK):
            by_node.setdefault(row.node, []).append(row)
        days = histories(ledger, inventory, now)
        needs = self._needs(inventory, states, now)
        nodes = [
            _node(
                states.get(node, NodeState(node=node)),
                inventory.site_of(node, now),
                by_node.get(node, []),
                days[node],
                tuple(one for one in needs if one.node == node),
                now,
            )
            for node in inventory.nodes
        ]
        nodes.sort(key=lambda one: (not one.needs_hands, one.site.name if one.site else "", one.id))
        return Fleet(tuple(nodes), ledger.refusals())

    def _needs(
        self, inventory: Inventory, states: Mapping[str, NodeState], now: datetime
    ) -> list[Condition]:
        there = tuple(
            NodeNow(node=node, site=site, state=states[node])
            for node in inventory.nodes
            if node in states and (site := inventory.site_of(node, now)) is not None
        )
        return node_needs(there, self.rules, self._drifts.drifts(now), now)


def _node(
    state: NodeState,
    site: Site | None,
    hours: Sequence[LevelHour],
    history: History,
    needs: tuple[Condition, ...],
    now: datetime,
) -> NodeView:
    health = state.health or {}
    calibrated_at = health.get("calibrated_at")
    return NodeView(
        id=state.node,
        site=site,
        state=state,
        health=health,
        calibrated_at=datetime.fromisoformat(calibrated_at) if calibrated_at else None,
        day_s=_measured_s(hour for hour in hours if hour.hour >= now - DAY),
        week_s=_measured_s(hours),
        outages=_outages(hours, now),
        history=history,
        needs=needs,
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
