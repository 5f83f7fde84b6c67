"""``skolro collector user remove``: remove an account."""

from __future__ import annotations

import typer

from collector.commands.opened import ConfigOption, opened
from collector.commands.user_options import NameArgument, accounts_at


def user_remove(name: NameArgument, config: ConfigOption) -> None:
    """Remove an account; what it looked at stays in the access log."""
    with opened(config) as collector:
        account = accounts_at(collector).remove(name)
    typer.echo(f"{account.name} is removed, and logged out everywhere.")
