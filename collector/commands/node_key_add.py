"""``skolro node key add``: one more key of a node."""

from __future__ import annotations

from typing import Annotated

import typer

from collector.commands.opened import ConfigOption, opened
from sensor.contract.signature import public_key_from_text, thumbprint


def node_key_add(
    node: Annotated[str, typer.Argument(help="Id of the node.")],
    public_key: Annotated[str, typer.Option(help="Its public key, 32 bytes as base64url.")],
    config: ConfigOption,
) -> None:
    """Let a node sign with one more key, as after its disk was replaced.

    A key that the node still has is better changed there, with skolro sensor rotate-key, and needs
    nothing here.
    """
    with opened(config) as collector:
        collector.registry.add_key(node, public_key)
    kid = thumbprint(public_key_from_text(public_key))
    typer.echo(f"Node {node} may sign with the key {kid} from now on.")
