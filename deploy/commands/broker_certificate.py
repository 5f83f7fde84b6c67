"""``skolro broker certificate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deploy.authority import COLLECTOR, Authority


def broker_certificate(
    name: Annotated[
        str, typer.Argument(help=f"Id of a node, or {COLLECTOR}, or {COLLECTOR}.SOMETHING.")
    ],
    authority: Annotated[Path, typer.Option(help="Folder of the certificate authority.")],
) -> None:
    """Issue the certificate with which a node or a collector gets in at the broker."""
    opened = Authority(authority)
    is_collector = name.startswith(COLLECTOR)
    tls = opened.issue_collector(name) if is_collector else opened.issue_node(name)
    typer.echo(
        f"Give {name} these three files, the key to nobody else, and name them in its "
        f"[broker.tls]:\n{tls.ca_file}\n{tls.certificate_file}\n{tls.key_file}"
    )
