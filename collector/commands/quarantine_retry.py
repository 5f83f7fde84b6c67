"""``skolro collector quarantine retry``: examine what was refused once more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from collector.commands.opened import ConfigOption, Opened, opened, printable
from collector.errors import LedgerError

IdsArgument = Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="As list shows.")]
AllOption = Annotated[bool, typer.Option("--all", help="All that is in quarantine.")]


def quarantine_retry(
    config: ConfigOption, numbers: IdsArgument = None, everything: AllOption = False
) -> None:
    """Store what was refused and is a message now, as after its node was registered."""
    with opened(config) as collector:
        chosen = chosen_ids(collector, numbers or (), everything=everything)
        results = collector.ledger.retry_quarantined(chosen)
    for result in results:
        detail = f": {result.detail}" if result.detail else ""
        typer.echo(printable(f"{result.id} {result.outcome}{detail}"))
    left = sum(result.left for result in results)
    typer.echo(f"{left} of {len(results)} left the quarantine.")


def chosen_ids(collector: Opened, numbers: Sequence[int], *, everything: bool) -> list[int]:
    """Return the ids that were asked for; it must be clear which."""
    if everything == bool(numbers):
        raise LedgerError("name the entries by their ids, as list shows them, or say --all")
    return collector.ledger.quarantined_ids() if everything else list(dict.fromkeys(numbers))
