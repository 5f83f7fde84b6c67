"""``skolro collector user add``: let somebody log in."""

from __future__ import annotations

from typing import Annotated

import typer

from collector.commands.opened import ConfigOption, opened
from collector.commands.user_options import (
    NameArgument,
    PasswordFileOption,
    RoleOption,
    StaffSiteOption,
    password_from,
)
from collector.registry.accounts import Accounts


def user_add(
    name: NameArgument,
    role: RoleOption,
    config: ConfigOption,
    site: StaffSiteOption = None,
    password_file: PasswordFileOption = None,
    without_password: Annotated[
        bool,
        typer.Option("--without-password", help="It comes by OpenID Connect, under this name."),
    ] = False,
) -> None:
    """Add an account; its password is asked for twice, unless a file has it."""
    with opened(config) as collector:
        accounts = Accounts(collector.engine)
        accounts.require_addable(name, role, site)
        password = None if without_password else password_from(password_file)
        account = accounts.add(name, role, password, site)
    typer.echo(f"{account.name} can log in, as {account.role}.")
