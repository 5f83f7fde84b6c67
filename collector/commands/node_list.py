"""``skolro node list``: the nodes, and how they are."""

from __future__ import annotations

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
from collector.commands.wording import some, verb
from collector.ledger.records import NodeState
from collector.registry.registry import Site

_MISSING: Final = "{messages} {are} missing: the node is asked, and sends or says what it has lost."
_THINNED: Final = "{messages} {are} thinned to minute values, as the node had no room for more."
_LOST: Final = "{messages} {are} lost, as the node says itself."
_ACCEPTED: Final = "{messages} {are} accepted to be missing, see skolro collector gap list."
_BREAKS: Final = (
    "{messages} {are} not what follows from the message before: "
    "compare with a backup what was changed."
)
_FORKS: Final = (
    "{messages} {are} in contradiction to another one of the same number and refused: a copied or "
    "restored node, or a stolen key, see skolro collector quarantine list."
)
_REPLAYS: Final = (
    "{messages} came again, after an outage or from somebody else, which changes nothing."
)
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
        for node in nodes:
            for sentence in node["meaning"]:
                typer.echo(f"{node['node']}: {sentence}")


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
        "missing": state.missing,
        "thinned": state.thinned,
        "lost": state.lost,
        "accepted": state.accepted,
        "chain_breaks": state.chain_breaks,
        "forks": state.forks,
        "replays": state.replays,
        "meaning": meaning(state),
        "outbox_depth": health.get("outbox_depth"),
        "microphone": health.get("microphone"),
        "version": health.get("version"),
        "simulated": state.simulated,
    }


def meaning(state: NodeState) -> list[str]:
    """Return in plain sentences what is unusual about a node's chain, and what to do."""
    return [
        text.format(messages=some(count, "message"), are=verb(count, "is", "are"))
        for count, text in (
            (state.missing, _MISSING),
            (state.thinned, _THINNED),
            (state.lost, _LOST),
            (state.accepted, _ACCEPTED),
            (state.chain_breaks, _BREAKS),
            (state.forks, _FORKS),
            (state.replays, _REPLAYS),
        )
        if count
    ]


def _row(collector: Opened, node: dict[str, Any]) -> list[str]:
    behind = node["highest_seq"] - node["acked_seq"]
    notes = ["simulated"] * node["simulated"]
    if behind:
        notes.append(f"a gap after {node['acked_seq']}, newest is {node['highest_seq']}")
    if node["chain_breaks"]:
        notes.append(f"{some(node['chain_breaks'], 'break')} in the chain")
    if node["forks"]:
        notes.append(some(node["forks"], "fork"))
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
