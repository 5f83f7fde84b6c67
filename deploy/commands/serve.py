"""``skolro collector serve``."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from collector.config import load_config
from deploy.errors import ServiceFailedError
from deploy.service import run_service
from sensor.contract.logs import LogFormat, last_word_logged, set_up_logging

log = logging.getLogger("skolro")

_FAILED = 1


def serve(
    config: Annotated[
        Path, typer.Option("--config", help="The collector's configuration, collector.toml.")
    ],
    log_format: Annotated[
        LogFormat | None,
        typer.Option(
            "--log-format", help="Lines for people, or JSON for machines; else as configured."
        ),
    ] = None,
) -> None:
    """Collect from the broker into the ledger, and serve pages and API, until stopped.

    Ends with status 1 where a restart may help.
    """
    loaded = load_config(config)
    chosen = log_format or loaded.log_format
    set_up_logging(chosen)
    with last_word_logged(chosen):
        try:
            run_service(loaded)
        except ServiceFailedError as error:
            log.critical("%s", error)
            raise typer.Exit(_FAILED) from error
