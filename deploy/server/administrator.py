"""The first administrator of a new server."""

from __future__ import annotations

import os
from pathlib import Path

from collector.config import load_config
from collector.database.backup import sqlite_path
from collector.database.database import open_database
from collector.registry.accounts import Account, Accounts
from collector.roles import Role
from deploy.handover import give_to


def invite_administrator(config_file: Path, name: str, owner: str) -> str | None:
    """Add the first administrator, who has no password yet.

    Return what is secret in the link by which they choose one, which nobody else ever knows; None:
    somebody can log in as administrator. As long as nobody has used it, each call makes a new one.
    A ledger that is made here is given to `owner` when root makes it.

    Raises
    ------
    CollectorError, DeployError
        The ledger cannot be opened or given away, or `name` cannot name an account.
    """
    url = load_config(config_file).ledger
    path = sqlite_path(url)
    is_new = path is not None and not path.exists()
    engine = open_database(url)
    try:
        accounts = Accounts(engine)
        there = [one for one in accounts.all() if one.role is Role.ADMINISTRATOR]
        if any(_can_log_in(one) for one in there):
            return None
        if accounts.named(name) not in there:
            accounts.add(name, Role.ADMINISTRATOR, None)
        return accounts.invite(name)
    finally:
        engine.dispose()
        if path is not None and is_new:
            _keep_private(path, owner)


def _can_log_in(account: Account) -> bool:
    has_a_way = account.has_password or account.subject is not None
    return has_a_way and account.disabled_at is None


def _keep_private(ledger: Path, owner: str) -> None:
    # Its log, too, where it is still there.
    for path in ledger.parent.glob(f"{ledger.name}*"):
        path.chmod(0o600)
        if os.geteuid() == 0:
            give_to(owner, path)
