"""``skolro evidence log``: who made which summary, when, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from collector.commands.opened import ConfigOption, JsonOption, opened, print_json, print_table
from collector.evidence.export_log import exports


def evidence_log(
    config: ConfigOption,
    limit: Annotated[int, typer.Option(min=1, help="Most that are listed.")] = 100,
    as_json: JsonOption = False,
) -> None:
    """List the summaries that were made, newest first."""
    with opened(config) as collector:
        made = exports(collector.engine, limit)
        if as_json:
            print_json(made)
            return
        print_table(
            ("When", "Who", "Site", "From", "To", "Form", "Why", "Manifest"),
            [
                (
                    collector.local(one.at),
                    one.who,
                    one.site,
                    collector.local(one.start)[:16],
                    collector.local(one.end)[:16],
                    "public" if one.public else "full",
                    one.reason or "–",
                    one.manifest_sha256[:16],
                )
                for one in made
            ],
            "No summary was made yet.",
        )
