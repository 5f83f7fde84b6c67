"""``skolro broker certificate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deploy.authority import COLLECTOR, Authority
from deploy.handover import hand_over


def broker_certificate(
    name: Annotated[
        str, typer.Argument(help=f"Id of a node, or {COLLECTOR}, or {COLLECTOR}.SOMETHING.")
    ],
    authority: Annotated[Path, typer.Option(help="Folder of the certificate authority.")],
    into: Annotated[
        Path | None,
        typer.Option(help="Folder that gets ca.pem, client.pem and client.key, ready to be moved."),
    ] = None,
    owner: Annotated[
        str | None, typer.Option(help="User here, by name or number, who gets that key.")
    ] = None,
) -> None:
    """Issue the certificate with which a node or a collector gets in at the broker."""
    opened = Authority(authority)
    is_collector = name.startswith(COLLECTOR)
    tls = opened.issue_collector(name) if is_collector else opened.issue_node(name)
    if into is not None:
        tls = hand_over(tls, into, owner)
    typer.echo(
        f"Give {name} these three files, the key to nobody else, and name them in its "
        f"[broker.tls]:\n{tls.ca_file}\n{tls.certificate_file}\n{tls.key_file}"
    )
