"""``skolro collector quarantine show``: one thing that was refused, in full."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import asdict
from typing import Annotated

import typer

from collector.commands.opened import ConfigOption, JsonOption, opened, print_json, printable


def quarantine_show(
    number: Annotated[int, typer.Argument(metavar="ID", help="As list shows it.")],
    config: ConfigOption,
    as_json: JsonOption = False,
) -> None:
    """Show one thing that was refused; in JSON its payload is base64."""
    with opened(config) as collector:
        item = collector.ledger.quarantined_item(number)
        if as_json:
            print_json({**asdict(item), "payload": b64encode(item.payload).decode()})
            return
        for name, value in (
            ("reason", item.reason),
            ("detail", item.detail),
            ("topic", item.topic),
            ("first", collector.local(item.received_at)),
            ("last", collector.local(item.last_received_at)),
            ("times", str(item.count)),
            ("bytes", str(item.size)),
            ("sha256", item.sha256),
            ("signature", item.signature or "–"),
            ("payload", item.payload.decode(errors="backslashreplace")),
        ):
            typer.echo(f"{name:10} {printable(value)}")
