"""``skolro server renew``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deploy.server.renewal import renew


def server_renew(
    folder: Annotated[Path, typer.Argument(help="The server's folder.")] = Path("/etc/skolro"),
) -> None:
    """Give broker and collector new certificates, and the broker the list of what is revoked.

    Restart both afterwards. Nodes notice nothing: their certificates stay as they are.
    """
    until = renew(folder)
    typer.echo(
        f"Broker and collector have certificates until {until:%Y-%m-%d}. Restart both: systemctl "
        "restart skolro-broker skolro-collector, or docker compose restart mosquitto collector"
    )
