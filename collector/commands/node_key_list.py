"""``skolro node key list``: with which keys nodes signed, and sign."""

from __future__ import annotations

from dataclasses import asdict

from collector.commands.opened import ConfigOption, JsonOption, opened, print_json, print_table
from collector.registry.inventory import NodeKey
from sensor.contract.signature import public_key_text


def node_key_list(config: ConfigOption, as_json: JsonOption = False) -> None:
    """List the keys of all nodes: since when each counts, and until which message."""
    with opened(config) as collector:
        keys = list(collector.registry.inventory().keys.values())
        if as_json:
            print_json(
                [{**asdict(key), "public_key": public_key_text(key.public_key)} for key in keys]
            )
            return
        print_table(
            ("Node", "Key", "Since", "State"),
            [
                [
                    key.node,
                    key.kid,
                    collector.local(key.since),
                    _state(key, collector.local(key.revoked_at)),
                ]
                for key in sorted(keys, key=lambda key: (key.node, key.since))
            ],
            "No node is registered: add one with skolro node add.",
        )


def _state(key: NodeKey, revoked_at: str) -> str:
    facts = []
    if key.announced_seq is not None:
        facts.append(f"announced by message {key.announced_seq}")
    if key.last_seq is not None:
        facts.append(f"followed by another one with message {key.last_seq}")
    if key.revoked_at is not None:
        facts.append(f"revoked {revoked_at}")
    return ", ".join(facts) or "in use"
