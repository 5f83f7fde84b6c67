"""``skolro node drawing``: where a node hangs, on paper."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from collector.commands.opened import ConfigOption, opened
from collector.writing import Code
from deploy.authority import write_file
from deploy.commands.node_options import NodeArgument
from deploy.errors import DeployError
from deploy.nodes.drawing import mounting_drawing


def node_drawing(
    node: NodeArgument,
    out: Annotated[Path, typer.Option(help="The PDF, A4.")],
    config: ConfigOption,
    language: Annotated[
        Code | None, typer.Option(help="Of the drawing; as the page's unless told.")
    ] = None,
) -> None:
    """Draw where a node hangs, to scale and with its measures, to be filled in on the ladder."""
    with opened(config) as collector:
        collector.registry.node(node)
        placements = collector.registry.placements(node)
        if not placements:
            raise DeployError(f"{node} never hung anywhere: skolro node move says where it hangs")
        last = placements[-1]
        site = collector.registry.site(last.site)
        now = datetime.now(ZoneInfo(site.time_zone))
        code = language or collector.config.page.language
        write_file(out, mounting_drawing(node, site.name, last.geometry, code, now), 0o644)
        typer.echo(f"Written to {out}: print it at its own size, and check its ruler of 100 mm.")
