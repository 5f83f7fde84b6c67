"""``skolro broker init``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deploy.authority import COLLECTOR, Authority, make_authority
from deploy.mosquitto_config import (
    SERVICE_FILE,
    TLS_PORT,
    access_list,
    broker_config,
    write_broker,
)


def broker_init(
    folder: Annotated[Path, typer.Argument(help="Where the broker's files are written.")],
    authority: Annotated[
        Path, typer.Option(help="Folder of the certificate authority; made at the first call.")
    ],
    host: Annotated[
        list[str], typer.Option(help="Name or address of the broker; give each that is used.")
    ],
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where it listens.")] = TLS_PORT,
    installed_at: Annotated[
        Path, typer.Option(help="Where the files will be on the broker's machine.")
    ] = Path("/etc/skolro/broker"),
    data_dir: Annotated[
        Path, typer.Option(help="Where the broker keeps sessions and queues.")
    ] = Path("/var/lib/mosquitto"),
    owner: Annotated[str | None, typer.Option(help="User here who gets the broker's key.")] = None,
    collector: Annotated[
        list[str] | None, typer.Option(help="Names of the collectors, where there are several.")
    ] = None,
) -> None:
    """Write the files of a Mosquitto that lets in only who has a certificate.

    Again with the same authority, it renews the broker's certificate and takes over what was
    revoked. Restart the broker afterwards.
    """
    opened = Authority(authority) if (authority / "ca.pem").exists() else make_authority(authority)
    path = write_broker(
        folder,
        opened,
        host,
        broker_config(installed_at, data_dir, port=port),
        access_list(tuple(collector or [COLLECTOR])),
        owner=owner,
    )
    typer.echo(
        f"Written: {path}. The files belong in {installed_at} on the broker's machine, "
        f"{SERVICE_FILE} in /etc/systemd/system/mosquitto.service.d; keep {authority} elsewhere."
    )
