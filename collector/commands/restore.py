"""``skolro collector restore``: the ledger as it was at a backup."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from collector.commands.opened import ConfigOption
from collector.config import load_config
from collector.database.backup import restore as restore_from


def restore(
    source: Annotated[Path, typer.Argument(help="A file that backup made.")],
    config: ConfigOption,
    replace: Annotated[
        bool, typer.Option("--replace", help="Even if there is a ledger; a copy of it is kept.")
    ] = False,
) -> None:
    """Make the ledger what it was at a backup; nodes send again what came in since."""
    kept = restore_from(load_config(config).ledger, source, replace=replace)
    typer.echo(f"The ledger is what it was when {source} was made.")
    if kept is not None:
        typer.echo(f"What was there before is in {kept}.")
