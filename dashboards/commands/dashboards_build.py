"""`skolro dashboards build`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich import print as say

from dashboards.grafana.build import GENERATED, RULES, check, write


def dashboards_build(
    out: Annotated[
        Path, typer.Option(help="Folder that the JSON is written to.", show_default=False)
    ] = GENERATED,
    rules: Annotated[
        Path, typer.Option(help="File that the alert rules are written to.", show_default=False)
    ] = RULES,
    *,
    check_only: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail where the files differ.")
    ] = False,
) -> None:
    """Write the Grafana dashboards and alert rules as JSON."""
    if check_only:
        check(out, rules)
        return
    for path in write(out, rules):
        say(path)
