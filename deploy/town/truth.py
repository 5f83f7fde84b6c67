"""The truth about a simulated town, as a file that figures can be checked against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from collector.analysis.hours import HOURS_A_WEEK
from collector.analysis.school_calendar import DayType
from deploy.town.clock import FloatArray
from deploy.town.town import Town

_DIGITS = 6


def true_rates(town: Town, hours: int) -> tuple[FloatArray, FloatArray]:
    """Mean expected episodes an hour over the first `hours`, and how many hours there were.

    Shapes (sites, day types, 168) and (day types, 168); 0 where there was no such hour.
    """
    when = town.when.until(hours)
    cell = when.day_type.astype(np.int64) * HOURS_A_WEEK + 24 * when.weekday + when.hour_of_day
    cells = len(DayType) * HOURS_A_WEEK
    count = np.bincount(cell, minlength=cells).astype(np.float64)
    sums = np.array([np.bincount(cell, rate[:hours], minlength=cells) for rate in town.expected])
    shape = (len(DayType), HOURS_A_WEEK)
    means = (sums / np.maximum(count, 1.0)).reshape(len(town.sites), *shape)
    return means, count.reshape(shape)


def truth_document(
    town: Town, end: datetime, episode_events: Mapping[str, Mapping[int, Sequence[str]]]
) -> dict[str, Any]:
    """All that is known of a town whose data end at `end`.

    `episode_events` has, by node, the ids of the events of each episode.
    """
    hours = int((end - town.when.start) / timedelta(hours=1))
    rates, count = true_rates(town, hours)
    return {
        "seed": town.seed,
        "kind": town.kind_name,
        "start": town.when.start,
        "end": end,
        "time_zone": town.when.time_zone,
        "rates": {
            site.id: {
                name.name.lower(): _listed(rates[index, name], count[name]) for name in DayType
            }
            for index, site in enumerate(town.sites)
        },
        "expected": {
            "first_hour": town.when.first_hour,
            "sites": {
                site.id: [round(value, _DIGITS) for value in town.expected[index].tolist()]
                for index, site in enumerate(town.sites)
            },
        },
        "episodes": [
            {
                "number": episode.number,
                "site": town.sites[episode.site].id,
                "start": town.when.start + timedelta(hours=episode.at_h),
                "group": episode.group,
                "run": episode.run,
                "style": episode.style,
                "vehicle": episode.vehicle,
                "vehicles": episode.vehicles,
                "passes": episode.passes,
                "events": {
                    node: list(events[episode.number])
                    for node, events in episode_events.items()
                    if episode.number in events
                },
            }
            for episode in town.episodes
            if episode.at_h < hours
        ],
        **_patrols(town, hours),
    }


def write_truth(path: Path, document: Mapping[str, Any]) -> None:
    """Write it as JSON."""
    path.write_bytes(msgspec.json.encode(document))


def _listed(rates: FloatArray, count: FloatArray) -> list[float | None]:
    return [
        round(rate, _DIGITS) if hours else None
        for rate, hours in zip(rates.tolist(), count.tolist(), strict=True)
    ]


def _patrols(town: Town, hours: int) -> dict[str, Any]:
    campaign = town.campaign
    if campaign is None:
        return {"patrols": [], "effects": []}
    site = town.sites[campaign.site].id
    moved = campaign.displaced_to
    return {
        "patrols": [
            {"site": one.site, "start": one.start, "end": one.end}
            for one in campaign.patrols(site, town.when)
            if one.end <= town.when.start + timedelta(hours=hours)
        ],
        "effects": [
            {
                "site": site,
                "from": town.when.start + timedelta(hours=campaign.first_hour),
                "until": town.when.start + timedelta(hours=campaign.relapse_hour),
                "ratio": 1.0 - campaign.reduction,
                "displaced_to": None if moved is None else town.sites[moved].id,
                "displaced_share": campaign.displaced_share,
            }
        ],
    }
