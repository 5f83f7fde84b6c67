"""``skolro collector quarantine list``: what was refused, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from collector.commands.opened import ConfigOption, JsonOption, opened, print_json, print_table


def quarantine_list(
    config: ConfigOption,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List what was refused, the newest first; the same again is counted."""
    with opened(config) as collector:
        items = collector.ledger.quarantined(limit)
        if as_json:
            print_json(
                [
                    {
                        "id": item.id,
                        "reason": item.reason,
                        "detail": item.detail,
                        "topic": item.topic,
                        "count": item.count,
                        "received_at": item.received_at,
                        "last_received_at": item.last_received_at,
                        "size": item.size,
                        "sha256": item.sha256,
                    }
                    for item in items
                ]
            )
            return
        print_table(
            ("Id", "Last", "Times", "Reason", "Topic", "Bytes", "Detail"),
            [
                [
                    str(item.id),
                    collector.local(item.last_received_at),
                    str(item.count),
                    item.reason,
                    item.topic,
                    str(item.size),
                    item.detail,
                ]
                for item in items
            ],
            "Nothing was refused.",
        )
