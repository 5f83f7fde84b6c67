"""``skolro fleet health``: how the nodes do, and how one did day by day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from collector.alert_config import AlertRules
from collector.alerts.alert import as_alert
from collector.alerts.condition import Condition
from collector.alerts.rules import judge
from collector.alerts.situation import Situation, read_situation
from collector.alerts.wording import Wording
from collector.analysis.drift import Drift, Untold
from collector.commands.opened import (
    ConfigOption,
    JsonOption,
    Opened,
    opened,
    print_json,
    print_table,
)
from collector.errors import RegistryError
from collector.fleet.history import DAYS, History, histories
from collector.ledger.ledger import NodeState
from collector.operations.server import server_elsewhere
from collector.registry.wishes import Wishes

_ONLINE = {True: "yes", False: "no", None: "never"}
_SHOWN = (
    "version", "uptime_s", "microphone", "microphone_lowest_db", "microphone_replugged",
    "calibrated_at", "cpu_load", "cpu_own_share", "cpu_temperature_c", "memory_available_bytes",
    "under_voltage", "under_voltage_since_boot", "throttled", "throttled_since_boot",
    "disk_free_bytes", "disk_written_bytes", "disk_worn_share", "disk_errors", "disk_read_only",
    "root", "root_used_share", "system_current_at",
    "clock_synchronised", "clock_offset_s", "outbox_depth", "outbox_oldest_s",
)  # fmt: skip


def fleet_health(
    config: ConfigOption,
    node: Annotated[str | None, typer.Argument(help="One node, with its days.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the nodes: what each needs, and how much of the last 30 days it measured."""
    with opened(config) as collector:
        now = datetime.now(UTC)
        nodes = _described(collector, node, now)
    if as_json:
        print_json(nodes if node is None else nodes[0])
    elif node is None:
        _print_all(nodes)
    else:
        _print_one(nodes[0], collector)


def _described(collector: Opened, node: str | None, now: datetime) -> list[dict[str, Any]]:
    inventory = collector.registry.inventory()
    if node is not None and node not in inventory.nodes:
        raise RegistryError(f"there is no node {node!r}: skolro node list shows all")
    alerts = collector.config.alerts
    rules = AlertRules() if alerts is None else alerts.rules
    server = server_elsewhere(collector.config)
    wishes = Wishes(collector.engine)
    situation = read_situation(collector.ledger, wishes, rules, server, now)
    holds = judge(situation, rules).holds
    words = Wording("en", ZoneInfo(collector.config.page.time_zone), inventory.sites)
    days = histories(collector.ledger, inventory, now, node=node)
    states = collector.ledger.node_states()
    return [
        _node(
            states.get(name, NodeState(node=name)),
            days[name],
            [one for one in holds if one.node == name],
            situation,
            words,
        )
        for name in inventory.nodes
        if node in {None, name}
    ]


def _node(
    state: NodeState,
    history: History,
    needs: Sequence[Condition],
    situation: Situation,
    words: Wording,
) -> dict[str, Any]:
    health = state.health or {}
    there = next((one for one in situation.nodes if one.node == state.node), None)
    return {
        "node": state.node,
        "site": there.site.id if there else None,
        "online": state.online,
        "last_received_at": state.last_received_at,
        "simulated": state.simulated,
        "measured_share": history.measured_share,
        "connected_share": None if state.simulated else history.connected_share,
        "needs": [
            {
                "kind": one.kind,
                "since": one.since,
                "facts": one.facts,
                "text": words.line(as_alert(one, situation.now), situation.now, with_place=False),
            }
            for one in needs
        ],
        "drift": _drift(situation.drifts.get(state.node)),
        "health": {name: health[name] for name in _SHOWN if health.get(name) is not None},
        "days": [{**asdict(one), "measured_share": one.measured_share} for one in history.days],
    }


def _drift(found: Drift | Untold | None) -> dict[str, Any] | None:
    return None if found is None else asdict(found)


def _print_all(nodes: Sequence[dict[str, Any]]) -> None:
    print_table(
        ("Node", "Site", "Online", f"Measured, {DAYS} days", "Connected", "Needs"),
        [
            (
                one["node"],
                one["site"] or "–",
                _ONLINE[one["online"]],
                _percent(one["measured_share"]),
                _percent(one["connected_share"]),
                ", ".join(need["kind"] for need in one["needs"]),
            )
            for one in nodes
        ],
        "No node is registered: add one with skolro node add.",
    )
    for one in nodes:
        for need in one["needs"]:
            typer.echo(f"{one['node']}: {need['text']}")


def _print_one(node: dict[str, Any], collector: Opened) -> None:
    typer.echo(
        f"{node['node']} at {node['site'] or 'no site'}, online: {_ONLINE[node['online']]}, last "
        f"heard {collector.local(node['last_received_at'])}"
    )
    for need in node["needs"]:
        typer.echo(f"  {need['text']}")
    typer.echo(f"  {_told(node['drift'])}")
    for name, value in node["health"].items():
        typer.echo(f"  {name:26} {value}")
    print_table(
        ("Day", "Measured", "Connected h", "Microphone faulty h", "Under-voltage h"),
        [
            (
                f"{one['day']}",
                _percent(one["measured_share"]),
                str(one["connected_h"]),
                str(one["microphone_h"]),
                str(one["under_voltage_h"]),
            )
            for one in node["days"]
            if one["measured_share"] is not None
        ],
        "It has not hung anywhere these days.",
    )


def _told(drift: dict[str, Any] | None) -> str:
    if drift is None:
        return "Neighbours: it hangs nowhere, or has not measured yet."
    if drift.get("reason") == "few_neighbours":
        return f"Neighbours: cannot be told with {drift['neighbours']}, at least 2 are needed."
    if drift.get("reason") == "few_nights":
        return f"Neighbours: cannot be told after {drift['nights']} nights, 28 are needed."
    what = "look at it" if drift["holds"] else "it follows them"
    return (
        f"Neighbours: {what}; largest change {drift['change_db']:+.1f} dB "
        f"({drift['low_db']:+.1f} to {drift['high_db']:+.1f}, 95 %) from {drift['since']} on, "
        f"against {drift['neighbours']} in {drift['nights']} nights."
    )


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{int(100 * share + 1e-9)} %"
