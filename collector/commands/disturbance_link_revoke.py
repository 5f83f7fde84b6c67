"""``skolro disturbance link revoke``: close a school's way into the disturbance log."""

from __future__ import annotations

from typing import Annotated

import typer

from collector.commands.opened import ConfigOption, opened
from collector.registry.links import Links


def disturbance_link_revoke(
    link: Annotated[int, typer.Argument(help="Number of the link, as list shows it.")],
    config: ConfigOption,
) -> None:
    """Let a school's link open nothing from now on; what was told stays."""
    with opened(config) as collector:
        revoked = Links(collector.engine).revoke(link, "disturbance")
    typer.echo(f"Link {revoked.id} ({revoked.note}, {revoked.site}) opens nothing any more.")
