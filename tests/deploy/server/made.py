"""A server's folder, made as an administrator would."""

from __future__ import annotations

import getpass
import re
from collections.abc import Callable
from pathlib import Path

import typer
from typer.testing import CliRunner

from collector.database.database import open_database
from collector.registry.accounts import Accounts
from deploy.commands.server_init import server_init
from sensor.contract.errors import SkolroError

NAME = "skolro.kommun.example"
PASSWORD = "tre fyra ord som inte hör ihop"  # noqa: S105 - of nobody


def run(command: Callable[..., None], *arguments: str | Path) -> str:
    """Run a command as the command line does, and return what it printed."""
    app = typer.Typer()
    app.command()(command)
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    if isinstance(result.exception, SkolroError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def server(folder: Path, *more: str) -> str:
    """Make a server in `folder`, all of it ours; what the command said."""
    return run(
        server_init, "--name", NAME, "--municipality", 'Havsbro "vid havet"', "--out", folder,
        "--ledger", f"sqlite:///{folder}/ledger.sqlite", "--owner", getpass.getuser(),
        "--tls", "internal", *more,
    )  # fmt: skip


def secret_in(said: str) -> str:
    """What is secret in the link for the first administrator."""
    (secret,) = re.findall(rf"https://{re.escape(NAME)}/welcome/(\S+)", said)
    return str(secret)


def accept(folder: Path, said: str) -> None:
    """Let the first administrator choose :data:`PASSWORD`."""
    engine = open_database(f"sqlite:///{folder}/ledger.sqlite")
    try:
        Accounts(engine).accept(secret_in(said), PASSWORD)
    finally:
        engine.dispose()
