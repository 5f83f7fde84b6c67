"""``skolro sensor check-config``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sensor.config import load_node_config, require_same_node


def check_config(
    config: Annotated[Path, typer.Option("--config", help="The configuration to look at.")],
    instead_of: Annotated[
        Path | None, typer.Option(help="The one whose place it is to take, on the same node.")
    ] = None,
) -> None:
    """Say whether a node can use a configuration, and if not, what to change in which line."""
    if instead_of is not None:
        require_same_node(config, instead_of)
    loaded = load_node_config(config, None if instead_of is None else instead_of.parent)
    typer.echo(f"{config}: {loaded.node} can use it.")
