"""``skolro disturbance list``: what people told, and what was measured then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from collector.analysis.disturbances import Recall
from collector.commands.opened import (
    ConfigOption,
    JsonOption,
    Opened,
    opened,
    print_json,
    print_table,
)
from collector.commands.pattern_options import SiteOption, percent
from collector.commands.wording import some
from collector.disturbance_answers import SiteRecall, site_recall
from collector.registry.disturbances import Disturbances


def disturbance_list(
    site: SiteOption,
    config: ConfigOption,
    days: Annotated[int, typer.Option(min=1, help="Over how many days back.")] = 180,
    as_json: JsonOption = False,
) -> None:
    """List the disturbances that were told of a site, and how many of them were heard."""
    with opened(config) as collector:
        collector.registry.site(site)
        now = datetime.now(UTC)
        told = Disturbances(collector.engine).of_site(site, now - timedelta(days=days))
        found = site_recall(collector.ledger, collector.registry.inventory(), told, now)
        rows = _rows(found, collector)
    if as_json:
        print_json(_as_dict(found))
        return
    print_table(
        ("Disturbance", "What", "When", "Told by", "Note", "State", "Events"),
        rows,
        "Nothing was told.",
    )
    heard = found.recall.heard
    if heard.of:
        span = f"{percent(heard.low)} to {percent(heard.high)}"
        typer.echo(f"{heard.count} of {heard.of} were heard; 95 % interval: {span}.")
    if heard.of and found.by_chance.heard.of:
        chance = found.by_chance.heard
        typer.echo(f"By chance, {chance.count} of {chance.of} times in other weeks matched.")
    if found.recall.unmeasured:
        typer.echo(f"{some(found.recall.unmeasured, 'time')} was not measured and does not count.")


def _rows(found: SiteRecall, collector: Opened) -> list[list[str]]:
    return [
        [
            str(one.id),
            one.what,
            collector.local(one.at),
            one.told_by,
            one.note or "–",
            answer.state,
            str(len(answer.events)),
        ]
        for one, answer in found.answers
    ]


def _as_dict(found: SiteRecall) -> dict[str, object]:
    return {
        "recall": _recall(found.recall),
        "by_chance": _recall(found.by_chance),
        "disturbances": [
            {
                "id": one.id,
                "what": one.what,
                "at": one.at,
                "told_by": one.told_by,
                "note": one.note,
                "state": answer.state,
                "events": [event.id for event in answer.events],
                "measured_s": answer.measured_s,
            }
            for one, answer in found.answers
        ],
    }


def _recall(one: Recall) -> dict[str, object]:
    known = bool(one.heard.of)
    return {
        "heard": one.heard.count,
        "judged": one.heard.of,
        "low": one.heard.low if known else None,
        "high": one.heard.high if known else None,
        "not_measured": one.unmeasured,
        "waiting": one.waiting,
    }
