"""``skolro collector user password``: give an account another password."""

from __future__ import annotations

import typer

from collector.commands.opened import ConfigOption, opened
from collector.commands.user_options import (
    NameArgument,
    PasswordFileOption,
    accounts_at,
    password_from,
)


def user_password(
    name: NameArgument, config: ConfigOption, password_file: PasswordFileOption = None
) -> None:
    """Give an account another password, and log it out everywhere."""
    with opened(config) as collector:
        accounts = accounts_at(collector)
        accounts.account(name)
        account = accounts.set_password(name, password_from(password_file))
    typer.echo(f"{account.name} has another password, and is logged out everywhere.")
