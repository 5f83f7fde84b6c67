"""``skolro sensor run``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sensor.agent import Updates
from sensor.agent import run as run_agent
from sensor.config import load_node_config
from sensor.contract.logs import LogFormat, last_word_logged, set_up_logging


def run(
    config: Annotated[Path, typer.Option("--config", help="The node's configuration, node.toml.")],
    offline: Annotated[
        bool,
        typer.Option(
            "--offline", help="Start even if the broker was never reached; messages wait."
        ),
    ] = False,
    exchange: Annotated[
        Path | None,
        typer.Option(help="Folder shared with skolro sensor update, for updates from afar."),
    ] = None,
    log_format: Annotated[
        LogFormat, typer.Option("--log-format", help="Lines for people, or JSON for machines.")
    ] = "human",
) -> None:
    """Measure and publish until stopped (Ctrl-C or SIGTERM) or until a recording ends."""
    set_up_logging(log_format)
    with last_word_logged(log_format):
        updates = None if exchange is None else Updates(exchange, config)
        run_agent(load_node_config(config), offline=offline, updates=updates)
