"""``skolro server init``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from collector.registry.invitations import INVITED_FOR
from deploy.errors import DeployError
from deploy.server.administrator import invite_administrator
from deploy.server.folder import Part, ServerFolder
from deploy.server.layout import LAYOUTS, LEDGER, Kind
from deploy.server.renewal import valid_until
from deploy.server.wanted import Issuer, Wanted


def server_init(  # noqa: PLR0913, PLR0917 - one argument an option
    name: Annotated[str, typer.Option("--name", help="Host under which people reach the pages.")],
    municipality: Annotated[
        str, typer.Option(help="Whose server it is; stands on pages and on evidence.")
    ],
    out: Annotated[Path, typer.Option(help="The server's folder.")] = Path("/etc/skolro"),
    kind: Annotated[
        Kind, typer.Option("--for", help="Services of Debian, or deploy/compose.yaml.")
    ] = Kind.DEBIAN,
    broker_name: Annotated[
        str | None, typer.Option(help="Host or address of the broker for nodes; else --name.")
    ] = None,
    tls: Annotated[
        Issuer,
        typer.Option(
            help="public: a certificate that every browser knows, by ACME, for a name that the "
            "internet reaches; internal: by the proxy's own authority."
        ),
    ] = Issuer.PUBLIC,
    certificate: Annotated[
        Path | None, typer.Option(help="Your own certificate (PEM, with its chain), not --tls.")
    ] = None,
    certificate_key: Annotated[
        Path | None, typer.Option(help="Its key; the proxy must be able to read both.")
    ] = None,
    grafana_name: Annotated[
        str | None,
        typer.Option(help="Host of Grafana for people; with compose grafana.NAME unless told."),
    ] = None,
    influxdb: Annotated[
        str | None, typer.Option(help="URL of an InfluxDB of yours; with compose one comes along.")
    ] = None,
    administrator: Annotated[
        str, typer.Option(help="Name of the first account.")
    ] = "administrator",
    ledger: Annotated[
        str, typer.Option(help="Where the ledger is, SQLite or PostgreSQL.")
    ] = LEDGER,
    owner: Annotated[
        str | None,
        typer.Option(help="User, or number, who runs the collector; root gives it its keys."),
    ] = None,
) -> None:
    """Make what a new server needs: authority, certificates, passwords, configuration, account.

    Again, it makes what is missing and leaves all else alone. Keys are never made over.
    """
    if kind is Kind.COMPOSE:
        grafana_name = grafana_name or f"grafana.{name}"
    wanted = Wanted(
        kind=kind,
        name=name,
        broker_name=broker_name or name,
        municipality=municipality,
        certificate=_certificate(tls, certificate, certificate_key),
        grafana_name=grafana_name,
        influxdb_url=influxdb or LAYOUTS[kind].influxdb_url,
        ledger=ledger,
        owner=owner,
    )
    folder = ServerFolder(out, wanted)
    parts = [_told(part) for part in folder.complete()]
    secret = invite_administrator(folder.config_file, administrator, wanted.collector_owner)
    typer.echo(f"The broker's certificate holds until {valid_until(out):%Y-%m-%d}.")
    if secret is not None:
        typer.echo(
            f"\nThe first administrator is {administrator}, who chooses a password here, once the "
            f"server runs:\n{wanted.url}/welcome/{secret}\n"
            f"The link works once, for {INVITED_FOR.days} days, and is shown this once: the same "
            "command makes a new one."
        )
    elif not any(part.made for part in parts):
        typer.echo("Nothing was changed: all of it was there, and somebody can log in.")


def _told(part: Part) -> Part:
    state = "made" if part.made else "kept"
    differs = " (not as it would be written now: move it away to have it made anew)"
    typer.echo(f"{state}  {part.path}: {part.what}{differs if part.differs else ''}")
    return part


def _certificate(
    tls: Issuer, certificate: Path | None, key: Path | None
) -> Issuer | tuple[Path, Path]:
    if certificate is None and key is None:
        return tls
    if certificate is None or key is None:
        raise DeployError("--certificate and --certificate-key go together: give both")
    return certificate, key
