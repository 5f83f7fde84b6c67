"""``skolro broker revoke``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deploy.authority import Authority


def broker_revoke(
    name: Annotated[str, typer.Argument(help="Id of a node, or name of a collector.")],
    authority: Annotated[Path, typer.Option(help="Folder of the certificate authority.")],
) -> None:
    """Have the broker refuse every certificate that was issued for a node or collector."""
    opened = Authority(authority)
    number = opened.revoke(name)
    typer.echo(
        f"Revoked {number} for {name}. Copy {opened.crl_file} to the broker's files and restart it."
    )
