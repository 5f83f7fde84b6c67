"""``skolro node replace``: another computer that goes on as the same node."""

from __future__ import annotations

import typer

from collector.commands.opened import ConfigOption, opened
from deploy.commands.node_options import NodeArgument, kit_of
from deploy.nodes.microphones import UNTOLD, microphone_named


def node_replace(node: NodeArgument, config: ConfigOption) -> None:
    """Let new hardware take a node's place: the old keys and certificate count no more.

    The new computer makes its own key, and goes on in the same chain with the next number.
    """
    with opened(config) as collector:
        kit = kit_of(collector, node)
        placements = collector.registry.placements(node)
        collector.registry.revoke_keys(node)
        revoked = kit.revoke()
        kit.certify()
        here = placements[-1] if placements else None
        place = here.geometry if here else {}
        told = microphone_named(str(place.get("microphone", "")))
        channels = 2 if "spacing_m" in place else 1
        kit.configure(place, channels=channels, microphone=told or UNTOLD)
    typer.echo(
        f"What is signed with the old keys of {node} goes to quarantine from now on. Write the "
        f"new card: skolro node image {node} --out DIR"
    )
    if revoked:
        typer.echo("Write the broker's files anew with skolro broker init, and restart it.")
