"""``skolro collector user role``: give an account another role."""

from __future__ import annotations

import typer

from collector.commands.opened import ConfigOption, opened
from collector.commands.user_options import NameArgument, RoleOption, StaffSiteOption
from collector.registry.accounts import Accounts


def user_role(
    name: NameArgument, role: RoleOption, config: ConfigOption, site: StaffSiteOption = None
) -> None:
    """Give an account another role, which holds from its next click on."""
    with opened(config) as collector:
        account = Accounts(collector.engine).set_role(name, role, site)
    typer.echo(f"{account.name} is {account.role} now.")
