"""``skolro patrol remove``: take back a patrol that was logged by mistake."""

from __future__ import annotations

from typing import Annotated

import typer

from collector.commands.opened import ConfigOption, opened


def patrol_remove(
    number: Annotated[int, typer.Argument(help="Its number, as skolro patrol list shows it.")],
    config: ConfigOption,
) -> None:
    """Remove a patrol from the log."""
    with opened(config) as collector:
        removed = collector.registry.remove_patrol(number)
        when = collector.local(removed.start)
    typer.echo(f"Patrol {number} at {removed.site} on {when} is removed.")
