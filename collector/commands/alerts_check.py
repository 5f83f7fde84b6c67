"""``skolro collector alerts check``: ask the rules now, and send nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

import typer

from collector.alert_config import Alerts, Recipient
from collector.alerts.alert import as_alert
from collector.alerts.condition import Condition
from collector.alerts.rules import judge
from collector.alerts.sender import targets_of
from collector.alerts.situation import read_situation
from collector.alerts.task import wording
from collector.commands.alerts_test import configured
from collector.commands.opened import ConfigOption, JsonOption, Opened, opened, print_json
from collector.errors import AlertError
from collector.operations.server import server_elsewhere
from collector.registry.wishes import Wishes


def alerts_check(config: ConfigOption, as_json: JsonOption = False) -> None:
    """Tell what the rules find right now, and what each recipient would be told of it.

    How the running collector itself does is told by its /health/ready.
    """
    with opened(config) as collector:
        alerts = configured(collector)
        _require_usable(collector, alerts)
        now = datetime.now(UTC)
        server = server_elsewhere(collector.config)
        wishes = Wishes(collector.engine)
        situation = read_situation(collector.ledger, wishes, alerts.rules, server, now)
        found = judge(situation, alerts.rules)
        told = {
            one.name: list(_messages(collector, one, found.holds, now)) for one in alerts.recipients
        }
    if as_json:
        print_json({
            "conditions": [asdict(one) for one in found.holds],
            "unknown": [asdict(one) for one in found.unknown],
            "messages": {
                name: [{"title": title, "body": body} for title, body in messages]
                for name, messages in told.items()
            },
        })  # fmt: skip
        return
    if not found.holds:
        typer.echo("No rule finds anything.")
    for name, messages in told.items():
        if found.holds and not messages:
            typer.echo(f"{name}: none of it is for them.")
        for title, body in messages:
            typer.echo(f"{name}: {title}")
            typer.echo("".join(f"    {line}\n" for line in body.splitlines()))


def _messages(
    collector: Opened, recipient: Recipient, holds: Sequence[Condition], now: datetime
) -> Iterator[tuple[str, str]]:
    """What a recipient would be told of, kind by kind."""
    words = wording(recipient, collector.config.page, collector.ledger)
    groups: dict[tuple[str, bool], list[Condition]] = {}
    for one in holds:
        if recipient.wants(one.kind, one.site, one.simulated):
            groups.setdefault((one.kind, one.simulated), []).append(one)
    for group in groups.values():
        alerts = [as_alert(one, now) for one in group]
        yield words.message([(alert, frozenset({"began"})) for alert in alerts], now)


def _require_usable(collector: Opened, alerts: Alerts) -> None:
    known = {site.id for site in collector.registry.sites()}
    for recipient in alerts.recipients:
        targets_of(recipient)
        strange = sorted(set(recipient.sites or ()) - known)
        if strange:
            raise AlertError(
                f"the recipient {recipient.name!r} asks for the site {strange[0]!r}, which there "
                f"is not: known are {', '.join(sorted(known)) or 'none'}"
            )
