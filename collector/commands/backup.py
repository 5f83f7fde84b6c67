"""``skolro collector backup``: a copy of the ledger."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from collector.commands.opened import ConfigOption
from collector.commands.progress import progress_bar
from collector.config import load_config
from collector.database.backup import back_up, sqlite_path
from collector.errors import LedgerError

_PATTERN: Final = f"ledger-{'[0-9]' * 8}T{'[0-9]' * 6}Z.*"


def backup(
    destination: Annotated[
        Path, typer.Argument(help="The new file that becomes the copy, or a folder for many.")
    ],
    config: ConfigOption,
    keep: Annotated[
        int | None,
        typer.Option(min=1, help="How many copies stay in the folder; the oldest are removed."),
    ] = None,
) -> None:
    """Copy the ledger as it is now to a file, while the collector goes on.

    On PostgreSQL the file is a dump in its own form, by pg_dump.
    """
    into_folder = destination.is_dir()
    if keep is not None and not into_folder:
        raise LedgerError(f"--keep needs a folder, and {destination} is none: make it, or name one")
    url = load_config(config).ledger
    form = "dump" if sqlite_path(url) is None else "sqlite"
    path = destination / f"ledger-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.{form}"
    with progress_bar("Copying") as told:
        back_up(url, path if into_folder else destination, told)
    typer.echo(f"The ledger was copied to {path if into_folder else destination}.")
    if keep is not None:
        _remove_oldest(destination, keep)


def _remove_oldest(folder: Path, keep: int) -> None:
    """Leave the newest `keep` copies; nothing but copies made here is touched."""
    for old in sorted(folder.glob(_PATTERN))[:-keep]:
        try:
            old.unlink()
        except OSError as error:
            raise LedgerError(f"cannot remove the old copy {old}: {error.strerror}") from error
        typer.echo(f"The old copy {old} was removed.")
