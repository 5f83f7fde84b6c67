"""``skolro node retire``: a node that was taken down."""

from __future__ import annotations

from typing import Annotated

import typer

from collector.commands.opened import ConfigOption, opened
from deploy.commands.node_options import NodeArgument, kit_of, moment


def node_retire(
    node: NodeArgument,
    config: ConfigOption,
    at: Annotated[
        str | None, typer.Option(help="When it was taken down, such as 2026-11-22T14:30; now.")
    ] = None,
) -> None:
    """Take a node out of service: its keys and its certificate count for nothing from then on.

    All that it measured stays. A node that was stolen is retired as well.
    """
    with opened(config) as collector:
        collector.registry.retire_node(node, moment(collector, "--at", at))
        revoked = collector.config.fleet is not None and kit_of(collector, node).revoke()
    typer.echo(f"Node {node} is retired: what comes in under its keys goes to quarantine.")
    if revoked:
        typer.echo("Write the broker's files anew with skolro broker init, and restart it.")
    else:
        typer.echo("If it has a certificate, revoke it too: skolro broker revoke.")
