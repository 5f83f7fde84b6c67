"""The first administrator of a new server."""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path
from typing import Final

from collector.config import load_config
from collector.database.backup import sqlite_path
from collector.database.database import open_database
from collector.registry.accounts import Accounts
from collector.roles import Role
from deploy.handover import give_to

_PASSWORD_BYTES: Final = 10
_GROUP: Final = 4


def add_administrator(config_file: Path, name: str, owner: str) -> str | None:
    """Add an administrator unless there is one; return the new one's password.

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
        if accounts.has_administrator():
            return None
        password = new_password()
        accounts.add(name, Role.ADMINISTRATOR, password)
    finally:
        engine.dispose()
        if path is not None and is_new:
            _keep_private(path, owner)
    return password


def _keep_private(ledger: Path, owner: str) -> None:
    # Its log, too, where it is still there.
    for path in ledger.parent.glob(f"{ledger.name}*"):
        path.chmod(0o600)
        if os.geteuid() == 0:
            give_to(owner, path)


def new_password() -> str:
    """A password of 80 random bits that can be read over a telephone."""
    text = base64.b32encode(secrets.token_bytes(_PASSWORD_BYTES)).decode().lower()
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))
