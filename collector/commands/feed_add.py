"""``skolro collector feed add``: a secret address of a feed."""

from __future__ import annotations

from typing import Annotated, Final, get_args

import typer

from collector.commands.opened import ConfigOption, opened
from collector.errors import RegistryError
from collector.registry.links import Links, Purpose

FEEDS: Final[tuple[Purpose, ...]] = tuple(
    purpose for purpose in get_args(Purpose) if purpose != "disturbance"
)
"""What an address can be made for."""

PATHS: Final = {
    "patrols.ics": "/feeds/{secret}/patrols.ics",
    "patrols.csv": "/feeds/{secret}/patrols.csv",
    "ngsi-ld": "/feeds/{secret}/ngsi-ld/v1/entities?type=NoiseLevelObserved",
    "disturbance": "/d/{secret}",
}


def feed_add(
    feed: Annotated[str, typer.Argument(help=f"Which: {', '.join(FEEDS)}.")],
    note: Annotated[str, typer.Option(help="Who gets it.")],
    config: ConfigOption,
) -> None:
    """Make a secret address by which a feed is read without a login; it is shown this once."""
    chosen = next((one for one in FEEDS if one == feed), None)
    if chosen is None:
        raise RegistryError(f"there is no feed {feed!r}: name one of {', '.join(FEEDS)}")
    with opened(config) as collector:
        link, secret = Links(collector.engine).add(chosen, note)
        base = collector.config.page.base_url
    typer.echo(f"Link {link.id}, for {link.note}: {address(base, chosen, secret)}")


def address(base_url: str | None, purpose: Purpose, secret: str) -> str:
    """Where a link leads; without the address of the pages only the part after it."""
    return (base_url or "").rstrip("/") + PATHS[purpose].format(secret=secret)
