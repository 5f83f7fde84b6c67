"""`skolro dashboards push`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final

import typer

from dashboards.grafana.push import Grafana, GrafanaPushError, InfluxSource

TOKEN_VARIABLE: Final = "SKOLRO_GRAFANA_TOKEN"  # noqa: S105 - the name of it


def dashboards_push(
    url: Annotated[str, typer.Option(help="Where Grafana is, such as https://grafana.example.se.")],
    token_file: Annotated[
        Path | None,
        typer.Option(help=f"File that holds the service account's token; else {TOKEN_VARIABLE}."),
    ] = None,
    influxdb_url: Annotated[
        str | None,
        typer.Option(help="Where Grafana reaches InfluxDB; the data source is there unless told."),
    ] = None,
    influxdb_bucket: Annotated[str, typer.Option(help="Bucket or database.")] = "skolro",
    influxdb_user: Annotated[str, typer.Option(help="Who may read there.")] = "",
    influxdb_password_file: Annotated[
        Path | None, typer.Option(help="File that holds that user's password.")
    ] = None,
    *,
    alerts: Annotated[bool, typer.Option(help="The alert rules, too.")] = True,
) -> None:
    """Bring dashboards, data source and alert rules to a Grafana; again changes nothing."""
    secret = os.environ.get(TOKEN_VARIABLE, "") if token_file is None else _content(token_file)
    if not secret:
        raise GrafanaPushError(
            f"a token is needed: name its file with --token-file, or set {TOKEN_VARIABLE}"
        )
    source = None
    if influxdb_url is not None:
        password = None if influxdb_password_file is None else _content(influxdb_password_file)
        source = InfluxSource(
            url=influxdb_url, bucket=influxdb_bucket, user=influxdb_user, password=password
        )
    with Grafana(url, secret) as grafana:
        for one in grafana.push(source, alerts=alerts):
            typer.echo(f"{one.change}: {one.kind} {one.name}")


def _content(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise GrafanaPushError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise GrafanaPushError(f"{path} holds no text: it should hold just the token") from error
