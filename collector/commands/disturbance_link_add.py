"""``skolro disturbance link add``: a school's own way into the disturbance log."""

from __future__ import annotations

from typing import Annotated

import typer

from collector.commands.feed_add import address
from collector.commands.opened import ConfigOption, opened
from collector.commands.pattern_options import SiteOption
from collector.registry.links import Links


def disturbance_link_add(
    site: SiteOption,
    note: Annotated[str, typer.Option(help="Who gets it.")],
    config: ConfigOption,
) -> None:
    """Make a link by which a school tells of disturbances without a login; shown this once."""
    with opened(config) as collector:
        collector.registry.site(site)
        link, secret = Links(collector.engine).add("disturbance", note, site)
        base = collector.config.page.base_url
    typer.echo(f"Link {link.id}, for {link.note} at {site}: {address(base, link.purpose, secret)}")
