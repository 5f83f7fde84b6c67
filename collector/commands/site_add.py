"""``skolro site add``: make a place known."""

from __future__ import annotations

from typing import Annotated

import typer

from collector.commands.opened import ConfigOption, opened
from collector.registry.registry import Site


def site_add(
    site_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, such as ekskolan.")],
    name: Annotated[str, typer.Option(help="Its name, as people read it.")],
    config: ConfigOption,
    latitude: Annotated[float | None, typer.Option(help="In degrees, WGS 84.")] = None,
    longitude: Annotated[float | None, typer.Option(help="In degrees, WGS 84.")] = None,
    municipality: Annotated[
        str | None, typer.Option(help="As in the configuration, unless told.")
    ] = None,
    time_zone: Annotated[
        str | None, typer.Option(help="As in the configuration, unless told.")
    ] = None,
    note: Annotated[str, typer.Option(help="What people should know of it.")] = "",
) -> None:
    """Register a site, where nodes can then be added."""
    with opened(config) as collector:
        page = collector.config.page
        collector.registry.add_site(
            Site(
                id=site_id,
                name=name,
                municipality=page.municipality if municipality is None else municipality,
                latitude=latitude,
                longitude=longitude,
                time_zone=time_zone or page.time_zone,
                note=note,
            )
        )
    typer.echo(f"Site {site_id} ({name}) is registered.")
