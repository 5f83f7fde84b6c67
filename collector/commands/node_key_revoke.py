"""``skolro node key revoke``: a key that somebody else may have."""

from __future__ import annotations

from typing import Annotated

import typer

from collector.commands.opened import ConfigOption, opened


def node_key_revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="As skolro node key list shows it.")],
    config: ConfigOption,
) -> None:
    """Believe nothing that comes in from now on under a key; it goes to quarantine."""
    with opened(config) as collector:
        node = collector.registry.key(key).node
        collector.registry.revoke_key(key)
    typer.echo(f"What node {node} sends under the key {key} goes to quarantine from now on.")
