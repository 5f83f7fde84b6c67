"""``skolro collector user enable``: let an account log in again."""

from __future__ import annotations

import typer

from collector.commands.opened import ConfigOption, opened
from collector.commands.user_options import NameArgument
from collector.registry.accounts import Accounts


def user_enable(name: NameArgument, config: ConfigOption) -> None:
    """Let an account that was disabled log in again."""
    with opened(config) as collector:
        account = Accounts(collector.engine).enable(name)
    typer.echo(f"{account.name} can log in again, as {account.role}.")
