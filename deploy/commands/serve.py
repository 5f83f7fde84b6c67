"""``skolro collector serve``."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from collector.config import load_config
from deploy.service import run_service


def serve(
    config: Annotated[
        Path, typer.Option("--config", help="The collector's configuration, collector.toml.")
    ],
) -> None:
    """Collect from the broker into the ledger, and serve pages and API, until stopped."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    run_service(load_config(config))
