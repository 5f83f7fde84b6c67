"""``skolro site guideline set``: give a site a guideline value to compare its levels with."""

from __future__ import annotations

from typing import Annotated

import typer

from collector.analysis.guidelines import QUANTITIES
from collector.commands.opened import ConfigOption, opened
from collector.commands.pattern_options import SiteOption
from collector.errors import RegistryError
from collector.registry.registry import Guideline

_KNOWN = " or ".join(QUANTITIES)


def site_guideline_set(
    quantity: Annotated[str, typer.Argument(help=f"What it is a value of: {_KNOWN}.")],
    value_db: Annotated[float, typer.Argument(metavar="DB", help="The value in dB(A).")],
    site: SiteOption,
    config: ConfigOption,
    source: Annotated[str, typer.Option(help="Whose value it is, with the year.")],
    note: Annotated[str, typer.Option(help="What people should know of it.")] = "",
) -> None:
    """Set a guideline value, in place of the last one of that quantity."""
    if quantity not in QUANTITIES:
        raise RegistryError(f"a guideline value can be of {_KNOWN}, not of {quantity!r}")
    guideline = Guideline(site=site, quantity=quantity, value_db=value_db, source=source, note=note)
    with opened(config) as collector:
        collector.registry.set_guideline(guideline)
    typer.echo(f"{quantity} at {site}: {value_db:g} dB, after {source}.")
