"""``skolro evidence export``: a summary of a site and a period, to be handed on."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from collector.commands.opened import ConfigOption, opened
from collector.commands.pattern_options import local_time
from collector.commands.progress import progress_bar
from collector.commands.wording import some
from collector.evidence.export import export
from collector.evidence.export_log import Asked
from collector.evidence.exporter import exporter_of
from collector.evidence.manifest import fingerprint
from collector.evidence.request import make_request
from collector.writing import Code


def evidence_export(  # noqa: PLR0913, PLR0917 - one an option
    config: ConfigOption,
    site: Annotated[str, typer.Option("--site", help="Id of the site.")],
    begin: Annotated[
        str, typer.Option("--from", help="First local day or time, such as 2026-11-01.")
    ],
    end: Annotated[
        str, typer.Option("--to", help="Local day or time at which to end, such as 2026-12-01.")
    ],
    question: Annotated[
        str, typer.Option(help="What somebody asks, in their own words; a usual one.")
    ] = "",
    language: Annotated[
        Code | None, typer.Option(help="Of the document; as the page's unless told.")
    ] = None,
    reason: Annotated[
        str, typer.Option(help="Why it is made; kept in the log of exports, not in it.")
    ] = "",
    public: Annotated[
        bool,
        typer.Option(
            "--public", help="For anybody: no single events, no messages, no small counts."
        ),
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path(),
) -> None:
    """Write a folder and a ZIP of it: a document for people, the data, and what proves them.

    The same ledger and the same options give the same bytes.
    """
    with opened(config) as collector:
        zone = ZoneInfo(collector.registry.site(site).time_zone)
        request = make_request(
            site,
            local_time(begin, "--from", zone),
            local_time(end, "--to", zone),
            question=question,
            language=language or collector.config.page.language,
        )
        exporter = exporter_of(collector.config.evidence)
        inventory = collector.registry.inventory()
        with progress_bar("Reading") as told:
            asked = Asked(f"{getpass.getuser()} at the server", reason)
            made = export(
                collector.engine,
                inventory,
                request,
                exporter,
                out,
                asked,
                told,
                small_count=collector.config.access.small_count if public else None,
            )
    messages, events = some(made.messages, "message"), some(made.events, "event")
    told_of = f"the public form, made of {messages}" if public else f"{messages}, {events}"
    typer.echo(f"{made.folder}: {told_of}.")
    typer.echo(f"{made.archive}: the same in one file.")
    typer.echo(f"Sealed with the key {fingerprint(exporter.key.public_key())}.")
