"""``skolro collector alerts list``: what was alerted, and what became of the messages."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from collector.alerts.alert import Alert
from collector.alerts.journal import AlertJournal, Outgoing
from collector.commands.opened import (
    ConfigOption,
    JsonOption,
    Opened,
    opened,
    print_json,
    print_table,
)


def alerts_list(
    config: ConfigOption,
    every: Annotated[
        bool, typer.Option("--all", help="Those that have ended and what was sent, too.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="Most of each.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List alerts that go on, and messages that wait to be sent; newest first."""
    with opened(config) as collector:
        journal = AlertJournal(collector.engine)
        alerts = journal.alerts(limit) if every else journal.open_alerts()[::-1][:limit]
        messages = journal.messages(limit, only_waiting=not every)
        rows = [_alert_row(one, collector) for one in alerts]
        message_rows = [_message_row(one, collector) for one in messages]
    if as_json:
        told = [{**asdict(one), "state": _state(one)} for one in messages]
        print_json({"alerts": [asdict(one) for one in alerts], "messages": told})
        return
    print_table(
        ("Alert", "Kind", "Subject", "Site", "Since", "Ended", "Simulated"),
        rows,
        "There is no alert." if every else "No alert goes on: --all shows earlier ones.",
    )
    print_table(
        ("Message", "Recipient", "Title", "Made", "State"),
        message_rows,
        "There is no message." if every else "No message waits to be sent.",
    )


def _alert_row(one: Alert, collector: Opened) -> list[str]:
    return [
        str(one.id),
        one.kind,
        one.subject,
        one.site or "–",
        collector.local(one.since),
        collector.local(one.ended_at),
        "yes" if one.simulated else "no",
    ]


def _message_row(one: Outgoing, collector: Opened) -> list[str]:
    state = _state(one)
    if one.sent_at is not None:
        state += f" {collector.local(one.sent_at)}"
    elif one.failure is not None:
        state += f", tried {one.attempts} times: {one.failure}"
    return [str(one.id), one.recipient, one.title, collector.local(one.made_at), state]


def _state(one: Outgoing) -> str:
    if one.sent_at is not None:
        return "sent"
    return "waiting" if one.given_up_at is None else "given up"
