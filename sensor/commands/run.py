"""``skolro sensor run``."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from sensor.agent import run as run_agent
from sensor.config import load_node_config


def run(
    config: Annotated[Path, typer.Option("--config", help="The node's configuration, node.toml.")],
    offline: Annotated[
        bool,
        typer.Option(
            "--offline", help="Start even if the broker was never reached; messages wait."
        ),
    ] = False,
) -> None:
    """Measure and publish until stopped (Ctrl-C or SIGTERM) or until a recording ends."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    run_agent(load_node_config(config), offline=offline)
