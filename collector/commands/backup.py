"""``skolro collector backup``: a copy of the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from collector.backup import back_up
from collector.commands.opened import ConfigOption
from collector.commands.progress import progress_bar
from collector.config import load_config


def backup(
    destination: Annotated[Path, typer.Argument(help="The new file that becomes the copy.")],
    config: ConfigOption,
) -> None:
    """Copy an SQLite ledger as it is now to a file, while the collector goes on."""
    url = load_config(config).ledger
    with progress_bar("Copying") as told:
        back_up(url, destination, told)
    typer.echo(f"The ledger was copied to {destination}.")
