"""``skolro collector quarantine drop``: let go of what was refused."""

from __future__ import annotations

import typer

from collector.commands.opened import ConfigOption, opened
from collector.commands.quarantine_retry import AllOption, IdsArgument, chosen_ids
from collector.commands.wording import some, verb


def quarantine_drop(
    config: ConfigOption, numbers: IdsArgument = None, everything: AllOption = False
) -> None:
    """Remove entries from quarantine for good."""
    with opened(config) as collector:
        chosen = chosen_ids(collector, numbers or (), everything=everything)
        collector.ledger.drop_quarantined(chosen)
    count = len(chosen)
    gone = f"{some(count, 'entry', 'entries')} {verb(count, 'was', 'were')}"
    typer.echo(f"{gone} removed from quarantine.")
