"""What the commands about accounts share: the name, the role, and where a password comes from."""

from __future__ import annotations

import getpass
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, TypeAlias

import typer
from sqlalchemy import Connection

from collector.access_log import AccessEntry, AccessLog
from collector.commands.opened import Opened
from collector.errors import RegistryError
from collector.registry.accounts import Accounts
from collector.roles import Role
from sensor.contract.errors import ConfigError

NameArgument: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help="The account's name.")]
RoleOption: TypeAlias = Annotated[Role, typer.Option("--role", help="What it may is up to that.")]
StaffSiteOption: TypeAlias = Annotated[
    str | None, typer.Option("--site", help="Where school staff work; for the role school only.")
]
PasswordFileOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--password-file", help="File that holds it, or - for standard input; else asked"),
]


def accounts_at(collector: Opened) -> Accounts:
    """The accounts; who changes them here, at the server, is noted in the access log."""
    log = AccessLog(collector.engine, timedelta(days=collector.config.access.log_days))
    who = f"server: {_user()}"

    def note(connection: Connection, said: str) -> None:
        entry = AccessEntry(
            at=datetime.now(UTC),
            account=None,
            role=None,
            action="account",
            subject=said,
            status=None,
            address=who[:45],
        )
        log.add_within(connection, [entry])

    return Accounts(collector.engine, note=note)


def _user() -> str:
    """Who types the command; behind sudo, who that is."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        # A container may run as a number that has no name.
        return f"user {os.getuid()}"


def password_from(file: Path | None) -> str:
    """Return the password in a file or on standard input, or the one that somebody writes twice.

    Raises
    ------
    ConfigError, RegistryError
        The file cannot be read; there is nobody to ask; what was written differs.
    """
    if file is not None:
        return _from_file(file)
    if not sys.stdin.isatty():
        raise ConfigError(
            "there is no terminal to ask for the password: give --password-file FILE, or "
            "--password-file - for standard input"
        )
    password: str = typer.prompt("Password", hide_input=True, err=True)
    again: str = typer.prompt("Once more", hide_input=True, err=True)
    if password != again:
        raise RegistryError("the two passwords differ: nothing was changed, try again")
    return password


def _from_file(file: Path) -> str:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read --password-file {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"--password-file {file} is not UTF-8 text") from error
    first, _, rest = text.partition("\n")
    if rest.strip():
        raise ConfigError(f"--password-file {file} has several lines: the password is one")
    return first.rstrip("\r")
