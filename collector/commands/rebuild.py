"""``skolro collector rebuild``: remake what is derived from the messages."""

from __future__ import annotations

import typer

from collector.commands.opened import ConfigOption, opened
from collector.commands.progress import progress_bar
from collector.commands.wording import some


def rebuild(config: ConfigOption) -> None:
    """Remake all lists from the messages; a running collector stores nothing meanwhile."""
    with opened(config) as collector:
        with progress_bar("Rebuilding") as told:
            collector.ledger.rebuild(told)
        messages = collector.ledger.counts().messages
    typer.echo(f"All lists were made anew from {some(messages, 'message')}.")
