"""``skolro fleet status``: what each node runs, and what it says of what is wished of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import typer

from collector.commands.opened import (
    ConfigOption,
    JsonOption,
    Opened,
    opened,
    print_json,
    print_table,
)
from collector.commands.wording import verb
from collector.ledger.records import NodeState
from collector.registry.wishes import STAGES, NodeWish, Wishes
from collector.rollout.waves import decide, said_of
from sensor.contract.fleet import decode_wish

_ONLINE: Final = {True: "yes", False: "no", None: "never"}


def fleet_status(config: ConfigOption, as_json: JsonOption = False) -> None:
    """Show of each node what it runs, what it is wished to run, and what it says of that."""
    with opened(config) as collector:
        wishes = Wishes(collector.engine)
        states = collector.ledger.node_states()
        newest = wishes.newest()
        nodes = [
            _described(node, states.get(node), newest.get(node))
            for node in collector.registry.inventory().nodes
        ]
        rollout = _rollout(wishes, states)
        if as_json:
            print_json({"rollout": rollout, "nodes": nodes})
            return
        if rollout is not None:
            typer.echo(_sentence(rollout, collector))
        print_table(
            ("Node", "Online", "Runs", "Configuration", "Wished", "Wave", "Says", "Why"),
            [_row(one) for one in nodes],
            "No node is registered: add one with skolro node add.",
        )


def _described(node: str, state: NodeState | None, wish: NodeWish | None) -> dict[str, Any]:
    said = said_of(state)
    asked = None if wish is None else decode_wish(wish.payload)
    health = (state.health if state else None) or {}
    return {
        "node": node,
        "online": state.online if state else None,
        "version": health.get("version"),
        "config_version": said["config_version"] if said else None,
        "wish": None if wish is None else wish.number,
        "wished_version": asked.release.version if asked and asked.release else None,
        "wished_config_version": asked.config.version if asked and asked.config else None,
        "wave": STAGES[wish.wave - 1] if wish is not None and wish.wave else None,
        "told": wish is not None and wish.released_at is not None and wish.withdrawn_at is None,
        "withdrawn": wish is not None and wish.withdrawn_at is not None,
        "said_of_wish": said["wish"] if said else None,
        "state": said["state"] if said else None,
        "reason": said.get("reason", "") if said else "",
    }


def _rollout(wishes: Wishes, states: dict[str, NodeState]) -> dict[str, Any] | None:
    current = wishes.rollout()
    if current is None:
        return None
    members = wishes.members(current.id)
    reason = current.reason
    if current.end is None:
        reason = decide(current, members, states, datetime.now(UTC)).reason
    return {
        "version": current.version,
        "begun_at": current.begun_at,
        "stage": STAGES[current.stage - 1],
        "end": current.end,
        "ended_at": current.ended_at,
        "reason": reason,
        "nodes": len(members),
        "working": sum(one.outcome == "current" for one in members),
        "told": sum(one.released_at is not None for one in members),
    }


def _sentence(rollout: dict[str, Any], collector: Opened) -> str:
    done = f"{rollout['working']} of {rollout['nodes']} nodes run it"
    told = f"{rollout['told']} {verb(rollout['told'], 'was', 'were')} told"
    if rollout["end"] is None:
        return (
            f"{rollout['version']} is on its way up to {rollout['stage']}: {done}, "
            f"{told}; {rollout['reason']}."
        )
    ended = collector.local(rollout["ended_at"])
    return f"{rollout['version']} was {rollout['end']} at {ended}: {done}; {rollout['reason']}."


def _row(node: dict[str, Any]) -> list[str]:
    return [
        node["node"],
        _ONLINE[node["online"]],
        node["version"] or "–",
        _configuration(node["config_version"]),
        _wished(node),
        node["wave"] or "–",
        _says(node),
        node["reason"],
    ]


def _configuration(version: int | None) -> str:
    if version is None:
        return "–"
    return str(version) if version else "of its card"


def _wished(node: dict[str, Any]) -> str:
    parts = []
    if node["wished_version"] is not None:
        parts.append(node["wished_version"])
    if node["wished_config_version"] is not None:
        parts.append(f"configuration {node['wished_config_version']}")
    text = ", ".join(parts) or "–"
    if node["withdrawn"]:
        return f"{text} (withdrawn)"
    return text if node["told"] or node["wish"] is None else f"{text} (not told yet)"


def _says(node: dict[str, Any]) -> str:
    if node["state"] is None:
        return "cannot be updated"
    if node["told"] and node["said_of_wish"] < node["wish"]:
        return "not heard of it yet"
    return str(node["state"])
