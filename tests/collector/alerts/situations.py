"""Situations that rules are asked about, made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from collector.alert_config import AlertRules
from collector.alerts.situation import NodeNow, RecentLevel, ServerNow, Situation
from collector.certificates import HOLDERS, Certificate
from collector.ledger.ledger import Ledger, NodeState
from collector.registry.inventory import Site
from sensor.contract.messages import LevelBatch
from tests.peers import FakeNode, levels

NOW = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
RULES = AlertRules()
SITE = Site(id="ekskolan", name="Ekskolan")


WELL = Certificate(NOW - timedelta(days=365), NOW + timedelta(days=3650))


def server(**changes: Any) -> ServerNow:
    """A collector that has heard the broker for a day, and is well."""
    values: dict[str, Any] = {
        "name": "one", "hears_since": NOW - timedelta(days=1), "free_bytes": 10**11, "problems": {},
        "certificates": dict.fromkeys(HOLDERS, WELL),
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


def nightly(name: str, levels_db: Sequence[float], **changes: Any) -> list[LevelBatch]:
    """Levels of the first four hours of each of the nights until NOW, the last one last."""
    midnight = datetime(2026, 11, 20, tzinfo=ZoneInfo("Europe/Stockholm"))
    first = midnight - timedelta(days=len(levels_db) - 1)
    return [
        levels(
            name, (first + timedelta(days=night, hours=hour)).astimezone(UTC), level_db + 4.0,
            interval_s=60, laf90_db=level_db, **changes,
        )
        for night, level_db in enumerate(levels_db)
        for hour in range(4)
    ]  # fmt: skip


def grow_deaf(ledger: Ledger, node: FakeNode, change_db: float = -6.0) -> None:
    """Let two neighbours and a node hear the same nights, of which it loses half way."""
    rng = np.random.default_rng(1)
    weather = rng.normal(36.0, 2.0, 60)
    others = [FakeNode(f"{node.name}-{n}") for n in (2, 3)]
    for one in (node, *others):
        if one is not node:
            one.register(ledger.registry, "ekskolan", NOW - timedelta(days=100))
        own = weather + rng.normal(0.0, 0.3, 60)
        if one is node:
            own[40:] += change_db
        messages = nightly(one.name, [round(float(level), 1) for level in own])
        ledger.append([one.signed(message, NOW - timedelta(minutes=1)) for message in messages])
