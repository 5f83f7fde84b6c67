"""``skolro collector prune``: retention as the configuration has it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from collector.alerts.journal import AlertJournal
from collector.alerts.weekly import WeeklyJournal
from collector.commands.opened import ConfigOption, Opened, opened
from collector.commands.progress import progress_bar
from collector.commands.wording import some, verb
from collector.config import CollectorConfig
from collector.registry.disturbances import Disturbances
from collector.registry.photos import Photos
from sensor.contract.codec import KINDS


def prune(
    config: ConfigOption,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what would be removed.")
    ] = False,
) -> None:
    """Remove the content of messages that are older than [retention] allows.

    Their numbers, hashes, signatures and times stay, so that the chains still verify.
    """
    now = datetime.now(UTC)
    with opened(config) as collector:
        limits = {kind: collector.config.retention.days(kind) for kind in KINDS}
        for kind, days in limits.items():
            if days is None:
                typer.echo(f"{kind}: kept for ever.")
                continue
            count = _prune(collector, kind, now - timedelta(days=days), dry_run=dry_run)
            done = "would be pruned" if dry_run else f"{verb(count, 'was', 'were')} pruned"
            what = f"{some(count, 'message')} older than {days:g} {'day' if days == 1 else 'days'}"
            typer.echo(f"{kind}: {what} {done}.")
        _prune_beside(collector, now, dry_run=dry_run)


def _prune(collector: Opened, kind: str, before: datetime, *, dry_run: bool) -> int:
    outputs = _outputs(collector.config)
    total = collector.ledger.prunable(kind, before, outputs)
    if dry_run or not total:
        return total
    done = 0
    with progress_bar(f"Pruning {kind}") as told:

        def count(pruned: int) -> None:
            nonlocal done
            done += pruned
            told(done, total)

        return collector.ledger.prune(kind, before, outputs=outputs, progress=count)


def _prune_beside(collector: Opened, now: datetime, *, dry_run: bool) -> None:
    """Remove what stands beside the ledger: alerts, what people told, photographs."""
    retention, engine = collector.config.retention, collector.engine
    for name, days, remove, one, more in (
        ("alerts", retention.alert_days, AlertJournal(engine).prune,
         "alert or message", "alerts and messages"),
        ("weekly mails", retention.alert_days, WeeklyJournal(engine).prune,
         "note of a mail", "notes of mails"),
        ("disturbances", retention.disturbance_days, Disturbances(engine).prune,
         "disturbance", "disturbances"),
        ("photographs", retention.photo_days, Photos(engine).prune,
         "photograph", "photographs"),
    ):  # fmt: skip
        if days is None:
            typer.echo(f"{name}: kept for ever.")
            continue
        count = remove(now - timedelta(days=days), dry_run=dry_run)
        done = "would be removed" if dry_run else f"{verb(count, 'was', 'were')} removed"
        older = f"older than {days:g} {'day' if days == 1 else 'days'}"
        typer.echo(f"{name}: {some(count, one, more)} {older} {done}.")


def _outputs(config: CollectorConfig) -> list[str]:
    # An output that is configured must have got a message before its content goes.
    wanted = {"influxdb": config.influxdb is not None, "ngsi_ld": config.ngsi_ld.url is not None}
    return [name for name, is_wanted in wanted.items() if is_wanted]
