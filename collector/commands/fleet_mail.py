"""``skolro fleet mail``: who gets the weekly mail and when, and what it would say now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from collector.alert_config import Alerts, Recipient
from collector.alerts.rules import judge
from collector.alerts.situation import read_situation
from collector.alerts.task import wording
from collector.alerts.weekly import WeeklyJournal, digest, due_at
from collector.alerts.weekly_wording import weekly_mail
from collector.commands.alerts_test import configured
from collector.commands.opened import ConfigOption, Opened, opened, print_table
from collector.errors import AlertError
from collector.operations.server import server_elsewhere
from collector.registry.wishes import Wishes


def fleet_mail(
    config: ConfigOption,
    recipient: Annotated[str | None, typer.Argument(help="Whose mail; all unless told.")] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Print what it would say now; sends nothing.")
    ] = False,
) -> None:
    """Tell who gets the weekly mail about the nodes, when it last came and comes next."""
    with opened(config) as collector:
        alerts = configured(collector)
        chosen = _chosen(alerts, recipient)
        now = datetime.now(UTC)
        if preview:
            _print_mails(collector, alerts, chosen, now)
        else:
            _print_times(collector, alerts, chosen, now)


def _chosen(alerts: Alerts, name: str | None) -> list[Recipient]:
    theirs = [one for one in alerts.recipients if one.wants_weekly]
    if not theirs:
        raise AlertError(
            "nobody gets the weekly mail: give a recipient the role technician, or weekly = true"
        )
    if name is None:
        return theirs
    for one in theirs:
        if one.name == name:
            return [one]
    known = ", ".join(one.name for one in theirs)
    raise AlertError(f"{name!r} does not get the weekly mail: {known} do")


def _print_mails(
    collector: Opened, alerts: Alerts, recipients: list[Recipient], now: datetime
) -> None:
    journal = WeeklyJournal(collector.engine)
    server = server_elsewhere(collector.config)
    wishes = Wishes(collector.engine)
    situation = read_situation(collector.ledger, wishes, alerts.rules, server, now)
    holds = judge(situation, alerts.rules).holds
    for one in recipients:
        found = digest(collector.ledger, situation, holds, one, journal.last(one.name))
        words = wording(one, collector.config.page, collector.ledger)
        title, body = weekly_mail(found, words, now)
        typer.echo(f"{one.name}: {title}")
        typer.echo("".join(f"    {line}".rstrip() + "\n" for line in body.splitlines()))


def _print_times(
    collector: Opened, alerts: Alerts, recipients: list[Recipient], now: datetime
) -> None:
    journal = WeeklyJournal(collector.engine)
    due = due_at(alerts.weekly, collector.config.page.time_zone, now)
    following = due_at(alerts.weekly, collector.config.page.time_zone, due + timedelta(days=8))
    rows = []
    for one in recipients:
        last = journal.last(one.name)
        made_at = None if last is None else last.made_at
        rows.append(
            (one.name, one.role.value, collector.local(made_at), collector.local(following))
        )
    print_table(("Recipient", "Role", "Last made", "Next due"), rows, "")
