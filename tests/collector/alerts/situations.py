"""Situations that rules are asked about, made by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from collector.alert_config import AlertRules
from collector.alerts.situation import NodeNow, RecentLevel, ServerNow, Situation
from collector.ledger.ledger import NodeState
from collector.registry.inventory import Site

NOW = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
RULES = AlertRules()
SITE = Site(id="ekskolan", name="Ekskolan")


def server(**changes: Any) -> ServerNow:
    """A collector that has heard the broker for a day, and is well."""
    values: dict[str, Any] = {
        "name": "one", "hears_since": NOW - timedelta(days=1), "free_bytes": 10**11, "problems": {},
    }  # fmt: skip
    return ServerNow(**{**values, **changes})


def node(
    minutes_ago: float | None = 1.0,
    *,
    health: dict[str, Any] | None = None,
    name: str = "ekskolan-1",
    level: RecentLevel | None = None,
    flags: tuple[Any, ...] = (),
    simulated: bool = False,
) -> NodeNow:
    """A node that was heard so long ago, and is well but for `health`."""
    told = {
        "microphone": "ok", "disk_free_bytes": 10**10, "calibrated_at": "2026-06-01T10:00:00Z",
        "time": (NOW - timedelta(minutes=4)).isoformat(), **(health or {}),
    }  # fmt: skip
    last = None if minutes_ago is None else NOW - timedelta(minutes=minutes_ago)
    state = NodeState(
        node=name,
        last_received_at=last,
        health=None if minutes_ago is None else told,
        simulated=simulated,
    )
    return NodeNow(node=name, site=SITE, state=state, flags=frozenset(flags), level=level)


def situation(*nodes: NodeNow, **changes: Any) -> Situation:
    """Those nodes, no episode, and a server that is well."""
    values: dict[str, Any] = {"now": NOW, "nodes": nodes, "episodes": (), "server": server()}
    return Situation(**{**values, **changes})
