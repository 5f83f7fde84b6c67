"""``skolro collector quarantine drop``: let go of what was refused."""

from __future__ import annotations

import typer

from collector.commands.opened import ConfigOption, opened
from collector.commands.quarantine_retry import AllOption, IdsArgument, chosen_ids


def quarantine_drop(
    config: ConfigOption, numbers: IdsArgument = None, everything: AllOption = False
) -> None:
    """Remove entries from quarantine for good."""
    with opened(config) as collector:
        chosen = chosen_ids(collector, numbers or (), everything=everything)
        collector.ledger.drop_quarantined(chosen)
    typer.echo(f"{len(chosen)} entries were removed from quarantine.")
