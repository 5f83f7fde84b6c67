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
    accounts_at,
    password_from,
)


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
        accounts = accounts_at(collector)
        accounts.require_addable(name, role, site)
        password = None if without_password else password_from(password_file)
        account = accounts.add(name, role, password, site)
    typer.echo(f"{account.name} can log in, as {account.role}.")
