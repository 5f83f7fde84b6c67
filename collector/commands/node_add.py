"""``skolro node add``: make a node known."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from collector.commands.opened import ConfigOption, opened
from collector.errors import RegistryError


def node_add(
    name: Annotated[str, typer.Argument(help="Its id, such as ekskolan-1.")],
    site: Annotated[str, typer.Option(help="Id of the site where it hangs.")],
    public_key: Annotated[str, typer.Option(help="Its public key, 32 bytes as base64url.")],
    config: ConfigOption,
    since: Annotated[
        str | None, typer.Option(help="When it was hung there, such as 2026-11-22T14:30; now.")
    ] = None,
    note: Annotated[str, typer.Option(help="What people should know of it.")] = "",
) -> None:
    """Register a node: from now on the collector believes what it signs with this key."""
    with opened(config) as collector:
        zone = ZoneInfo(collector.config.page.time_zone)
        start = None if since is None else _time(since, zone)
        collector.registry.add_node(name, site, public_key, start, note=note)
        place = collector.registry.site(site).name
        (key,) = collector.registry.keys_of(name)
    typer.echo(f"Node {name} is registered at {place} with the key {key.kid}.")


def _time(text: str, zone: ZoneInfo) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise RegistryError(
            f"--since {text!r} is no time: write it as 2026-11-22 or 2026-11-22T14:30"
        ) from error
    return at if at.tzinfo else at.replace(tzinfo=zone)
