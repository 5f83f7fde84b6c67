"""``skolro collector user enable``: let an account log in again."""

from __future__ import annotations

import typer

from collector.commands.opened import ConfigOption, opened
from collector.commands.user_options import NameArgument, accounts_at


def user_enable(name: NameArgument, config: ConfigOption) -> None:
    """Let an account that was disabled log in again."""
    with opened(config) as collector:
        account = accounts_at(collector).enable(name)
    typer.echo(f"{account.name} can log in again, as {account.role}.")
