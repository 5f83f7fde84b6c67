"""``skolro node list``: the nodes, and how they are."""

from __future__ import annotations

from typing import Any

from collector.commands.opened import (
    ConfigOption,
    JsonOption,
    Opened,
    opened,
    print_json,
    print_table,
)
from collector.records import NodeState
from collector.registry import Site

_ONLINE = {True: "yes", False: "no", None: "never"}


def node_list(config: ConfigOption, as_json: JsonOption = False) -> None:
    """List the nodes: where each hangs, whether it is online, and how far the ledger is."""
    with opened(config) as collector:
        nodes = _described(collector)
        if as_json:
            print_json(nodes)
            return
        print_table(
            (
                "Node",
                "Site",
                "Online",
                "Last message",
                "Acknowledged",
                "Outbox",
                "Microphone",
                "Note",
            ),
            [_row(collector, node) for node in nodes],
            "No node is registered: add one with skolro node add.",
        )


def _described(collector: Opened) -> list[dict[str, Any]]:
    inventory = collector.registry.inventory()
    states = collector.ledger.node_states()
    return [
        _node(node, inventory.site_of(node), states.get(node, NodeState(node=node)))
        for node in inventory.nodes
    ]


def _node(node: str, site: Site | None, state: NodeState) -> dict[str, Any]:
    health = state.health or {}
    return {
        "node": node,
        "site": site.id if site else None,
        "site_name": site.name if site else None,
        "online": state.online,
        "online_changed_at": state.online_changed_at,
        "last_time": state.last_time,
        "last_received_at": state.last_received_at,
        "acked_seq": state.acked_seq,
        "highest_seq": state.highest_seq,
        "chain_breaks": state.chain_breaks,
        "outbox_depth": health.get("outbox_depth"),
        "microphone": health.get("microphone"),
        "version": health.get("version"),
        "simulated": state.simulated,
    }


def _row(collector: Opened, node: dict[str, Any]) -> list[str]:
    behind = node["highest_seq"] - node["acked_seq"]
    notes = ["simulated"] * node["simulated"]
    if behind:
        notes.append(f"a gap after {node['acked_seq']}, newest is {node['highest_seq']}")
    if node["chain_breaks"]:
        notes.append(f"{node['chain_breaks']} breaks in the chain")
    outbox = node["outbox_depth"]
    return [
        node["node"],
        node["site_name"] or "–",
        _ONLINE[node["online"]],
        collector.local(node["last_time"]),
        str(node["acked_seq"]),
        "–" if outbox is None else str(outbox),
        node["microphone"] or "–",
        ", ".join(notes),
    ]
