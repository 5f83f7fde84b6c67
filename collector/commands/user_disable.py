"""``skolro collector user disable``: let an account log in no longer."""

from __future__ import annotations

import typer

from collector.commands.opened import ConfigOption, opened
from collector.commands.user_options import NameArgument, accounts_at


def user_disable(name: NameArgument, config: ConfigOption) -> None:
    """Let an account log in no longer, and log it out everywhere; user enable undoes it."""
    with opened(config) as collector:
        account = accounts_at(collector).disable(name)
    typer.echo(f"{account.name} cannot log in any more, and is logged out everywhere.")
