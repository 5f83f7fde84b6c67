"""How each node does at this moment, as the collector sees it.

The one thing that a refill does not bring back: the ledger has what nodes sent, not when the
broker last saw them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from collector.figures.writing import point
from collector.ledger.records import NodeState
from collector.outputs.derived import NODE_STATUS
from collector.outputs.line_protocol import FieldValue
from collector.outputs.periods import origin_tag, site_tag
from collector.registry.inventory import Inventory

_OF_HEALTH: Final = (
    "microphone", "outbox_depth", "clock_offset_s", "disk_free_bytes", "cpu_temperature_c",
    "uptime_s", "version",
)  # fmt: skip


def status_lines(
    inventory: Inventory, states: Mapping[str, NodeState], now: datetime
) -> Iterator[str]:
    """State of every node that is registered, those too that never sent anything."""
    at = now.replace(second=0, microsecond=0)
    for node in inventory.nodes:
        state = states.get(node, NodeState(node=node))
        tags = (site_tag(inventory, node, now), node, origin_tag(state.simulated))
        yield from point(NODE_STATUS, tags, _values(inventory, state, now), at)


def _values(inventory: Inventory, state: NodeState, now: datetime) -> dict[str, FieldValue]:
    since = state.last_received_at or _hung_since(inventory, state.node)
    values: dict[str, FieldValue] = {
        "online": None if state.online is None else int(state.online),
        "silent_s": None if since is None else max(0.0, (now - since).total_seconds()),
        "missing": state.missing,
        "chain_breaks": state.chain_breaks,
    }
    return values | _health_values(state.health or {}, now)


def _health_values(health: Mapping[str, Any], now: datetime) -> dict[str, FieldValue]:
    if not health:
        return {}
    values: dict[str, FieldValue] = {name: health.get(name) for name in _OF_HEALTH}
    values["reported_s"] = _age_s(health.get("time"), now)
    values["calibration_age_s"] = _age_s(health.get("calibrated_at"), now)
    values["microphone_ok"] = int(health.get("microphone") == "ok")
    synchronised = health.get("clock_synchronised")
    values["clock_synchronised"] = None if synchronised is None else int(synchronised)
    return values


def _age_s(at: str | None, now: datetime) -> float | None:
    return None if at is None else (now - datetime.fromisoformat(at)).total_seconds()


def _hung_since(inventory: Inventory, node: str) -> datetime | None:
    """One that never sent anything is silent since it was hung up."""
    placements = inventory.placements.get(node, ())
    return placements[-1].since if placements else None
