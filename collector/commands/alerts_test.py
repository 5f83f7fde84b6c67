"""``skolro collector alerts test``: see whether a recipient is reached."""

from __future__ import annotations

from typing import Annotated

import typer

from collector.alert_config import KINDS_OF, Alerts, Recipient
from collector.alerts.sender import SendError, targets_of
from collector.alerts.task import wording
from collector.commands.opened import ConfigOption, Opened, opened
from collector.errors import AlertError


def alerts_test(
    recipient: Annotated[str, typer.Argument(help="Name of the recipient.")],
    config: ConfigOption,
) -> None:
    """Send a test to every address of a recipient now, quiet hours or not."""
    with opened(config) as collector:
        chosen = _named(configured(collector), recipient)
        kinds = KINDS_OF[chosen.role] if chosen.kinds is None else chosen.kinds
        words = wording(chosen, collector.config.page, collector.ledger)
        title, body = words.test(chosen, kinds)
    failures = []
    for target in targets_of(chosen):
        try:
            target.send(title, body)
        except SendError as error:
            failures.append(str(error))
        else:
            typer.echo(f"{target.shown}: taken.")
    if failures:
        raise AlertError(f"{chosen.name} is not reached: {'; '.join(failures)}")


def configured(collector: Opened) -> Alerts:
    """Return the alerts of the configuration; :class:`AlertError` where it has none."""
    if collector.config.alerts is None:
        raise AlertError(
            "the configuration has no [alerts]: add it with [[alerts.recipients]], as "
            "docs/alerts.md shows"
        )
    return collector.config.alerts


def _named(alerts: Alerts, name: str) -> Recipient:
    for one in alerts.recipients:
        if one.name == name:
            return one
    known = ", ".join(one.name for one in alerts.recipients) or "none"
    raise AlertError(f"there is no recipient {name!r}: the configuration has {known}")
