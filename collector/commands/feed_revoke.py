"""``skolro collector feed revoke``: close a secret address of a feed."""

from __future__ import annotations

from typing import Annotated

import typer

from collector.commands.feed_add import FEEDS
from collector.commands.opened import ConfigOption, opened
from collector.registry.links import Links


def feed_revoke(
    link: Annotated[int, typer.Argument(help="Number of the link, as list shows it.")],
    config: ConfigOption,
) -> None:
    """Let a feed's secret address open nothing from now on."""
    with opened(config) as collector:
        revoked = Links(collector.engine).revoke(link, *FEEDS)
    typer.echo(f"Link {revoked.id} ({revoked.purpose}, {revoked.note}) opens nothing any more.")
