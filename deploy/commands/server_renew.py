"""``skolro server renew``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from deploy.server.renewal import DUE, renew, renewed_until


def server_renew(
    folder: Annotated[Path, typer.Argument(help="The server's folder.")] = Path("/etc/skolro"),
    due: Annotated[
        bool, typer.Option("--due", help="Only if one of them ends within 90 days.")
    ] = False,
) -> None:
    """Give broker and collector new certificates, and the broker the list of what is revoked.

    The broker takes its certificate up at once, the collector when it connects next. Nodes notice
    nothing: their certificates stay as they are. Only what was revoked counts after a restart of
    the broker.
    """
    if due and (until := renewed_until(folder)) - datetime.now(UTC) >= DUE:
        typer.echo(f"Nothing is due: broker and collector have certificates until {_day(until)}.")
        return
    typer.echo(
        f"Broker and collector have certificates until {_day(renew(folder))}. The broker takes its "
        "own up within a minute. What was revoked counts once it is restarted: systemctl restart "
        "skolro-broker, or docker compose restart mosquitto"
    )


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"
