"""``skolro town simulate``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from deploy.errors import DeployError
from deploy.town.kinds import KINDS
from deploy.town.ledger import CONFIG, TRUTH, write_town
from deploy.town.town import TIME_ZONE, simulate_town


def town_simulate(
    seed: Annotated[int, typer.Option(min=0, help="One seed gives one town.")],
    weeks: Annotated[int, typer.Option(min=1, max=520, help="How much history it has.")],
    out: Annotated[Path, typer.Option(help="Folder for ledger, configuration and truth.")],
    kind: Annotated[
        str, typer.Option(metavar="|".join(KINDS), help="What kind of town it is.")
    ] = "ordinary",
    end: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="Day before which it ends; last Monday unless told."),
    ] = None,
) -> None:
    """Write the ledger of a town that does not exist, with the truth about it in truth.json."""
    last = _end(end)
    town = simulate_town(seed, last - timedelta(weeks=weeks), weeks, kind=kind)
    messages = sum(write_town(town, last, out))
    patrols = "with patrols" if town.campaign else "no patrols (--kind patrolled has some)"
    typer.echo(
        f"{len(town.sites)} schools, {messages} messages; {town.kind.text}; {patrols}.\n"
        f"Open it with --config {out / CONFIG}; the truth is in {out / TRUTH}."
    )


def _end(day: str | None) -> datetime:
    """The local midnight that the option names, in UTC."""
    zone = ZoneInfo(TIME_ZONE)
    if day is None:
        today = datetime.now(zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        chosen = today - timedelta(days=today.weekday())
    else:
        try:
            chosen = datetime.strptime(day, "%Y-%m-%d")  # noqa: DTZ007 - made local below
        except ValueError as error:
            raise DeployError(f"--end {day!r} is no date: write it as 2026-11-23") from error
    return chosen.replace(tzinfo=zone).astimezone(UTC)
