"""``skolro collector user list``: who may log in."""

from __future__ import annotations

from dataclasses import asdict

from collector.commands.opened import ConfigOption, JsonOption, opened, print_json, print_table
from collector.registry.accounts import Account, Accounts


def user_list(config: ConfigOption, as_json: JsonOption = False) -> None:
    """List all accounts by name."""
    with opened(config) as collector:
        accounts = Accounts(collector.engine).all()
        rows = [
            [
                one.name,
                one.role.value,
                one.site or "–",
                _login(one),
                collector.local(one.added_at),
                collector.local(one.disabled_at),
            ]
            for one in accounts
        ]
    if as_json:
        print_json([asdict(one) for one in accounts])
        return
    print_table(
        ("Name", "Role", "Site", "Logs in by", "Added", "Disabled"),
        rows,
        "Nobody can log in: skolro collector user add NAME --role administrator adds the first.",
    )


def _login(account: Account) -> str:
    ways = ["password"] if account.has_password else []
    ways += [account.issuer] if account.issuer is not None else []
    return ", ".join(ways) or "–"
