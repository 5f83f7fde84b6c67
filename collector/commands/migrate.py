"""``skolro collector migrate``: the ledger of an older version."""

from __future__ import annotations

from typing import Annotated

import typer

from collector.commands.opened import ConfigOption
from collector.config import load_config
from collector.ledger.upgrade import upgrade_database


def migrate(
    config: ConfigOption,
    backup: Annotated[
        bool, typer.Option(help="Copy an SQLite ledger first, to a file beside it.")
    ] = True,
) -> None:
    """Give a ledger of an older version the tables of this one; stop its collectors first."""
    done = upgrade_database(load_config(config).ledger, backup=backup)
    if done.before == done.after:
        typer.echo(f"The ledger is of version {done.after} already.")
        return
    typer.echo(f"The ledger was of version {done.before} and is of version {done.after} now.")
    if done.backup is not None:
        typer.echo(f"What it was before is in {done.backup}.")
