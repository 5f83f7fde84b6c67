"""``skolro collector access-log``: who looked at what on the pages, and when."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from collector.access_log import AccessLog
from collector.commands.opened import ConfigOption, JsonOption, opened, print_json, print_table
from collector.commands.pattern_options import local_time
from collector.registry.accounts import spelled


def access_log(
    config: ConfigOption,
    account: Annotated[str | None, typer.Option(help="Only what this account did.")] = None,
    changes: Annotated[
        bool, typer.Option("--changes", help="Only what was done to accounts.")
    ] = False,
    start: Annotated[
        str | None, typer.Option("--from", help="First local time, such as 2026-11-20T20:00.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="Local time at which to end.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 100,
    as_json: JsonOption = False,
) -> None:
    """List the newest entries of the access log, the newest first."""
    with opened(config) as collector:
        zone = ZoneInfo(collector.config.page.time_zone)
        log = AccessLog(collector.engine, timedelta(days=collector.config.access.log_days))
        entries = log.newest(
            account=None if account is None else spelled(account),
            action="account" if changes else None,
            start=None if start is None else local_time(start, "--from", zone),
            end=None if end is None else local_time(end, "--to", zone),
            limit=limit,
        )
        rows = [
            [
                collector.local(one.at),
                one.account or "–",
                one.role or "–",
                one.action,
                one.subject,
                "–" if one.status is None else str(one.status),
                one.address,
            ]
            for one in entries
        ]
    if as_json:
        print_json(entries)
        return
    print_table(
        ("Time", "Account", "Role", "What", "Of", "Answer", "From"),
        rows,
        "Nothing stands in the access log of that time and account.",
    )
