"""``skolro collector user role``: give an account another role."""

from __future__ import annotations

import typer

from collector.commands.opened import ConfigOption, opened
from collector.commands.user_options import NameArgument, RoleOption, StaffSiteOption, accounts_at


def user_role(
    name: NameArgument, role: RoleOption, config: ConfigOption, site: StaffSiteOption = None
) -> None:
    """Give an account another role, which holds from its next click on."""
    with opened(config) as collector:
        account = accounts_at(collector).set_role(name, role, site)
    typer.echo(f"{account.name} is {account.role} now.")
