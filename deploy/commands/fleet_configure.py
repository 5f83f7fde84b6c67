"""``skolro fleet configure``: another configuration for a node, from afar."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from collector.commands.opened import ConfigOption, opened
from collector.registry.wishes import Wishes
from collector.rollout.waves import last_heard, said_of
from deploy.commands.fleet_options import keys_of
from deploy.commands.node_options import NodeArgument, kit_of
from deploy.errors import DeployError
from deploy.fleet.wishing import Wisher, next_config_version, wanted_config


def fleet_configure(
    node: NodeArgument,
    config: ConfigOption,
    file: Annotated[
        Path | None, typer.Option(help="The whole node.toml; else that in the node's folder.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Even if the node has returned from it.")
    ] = False,
) -> None:
    """Send a node its configuration, once it is known that it can be used.

    The node looks itself, tries it, and returns to the one before if it measures no more or is no
    longer heard. Who the node is, and its keys, cannot be changed so.
    """
    with opened(config) as collector:
        collector.registry.node(node)
        kit = kit_of(collector, node)
        wishes = Wishes(collector.engine)
        history = wishes.of(node)
        version = next_config_version(history)
        wanted = wanted_config(file or kit.config_file, kit.config_file, node, version, again=again)
        state = collector.ledger.node_states().get(node)
        if said_of(state) is None:
            raise DeployError(
                f"{node} has not said that it can be updated from afar: it must be online with a "
                "fleet key, see docs/updates.md"
            )
        wisher = Wisher(keys_of(collector))
        wishes.add(wisher.next(node, history, config=wanted, after=last_heard(state)))
    typer.echo(f"{node} is told configuration {version}: see skolro fleet status")
