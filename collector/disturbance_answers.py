"""What was measured when people were disturbed, from the ledger: found anew at each question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import nan
from typing import Final

from collector.analysis.disturbances import Answer, Recall, Window, answer, other_weeks, recall
from collector.analysis.episodes import Heard
from collector.analysis.levels import period_levels
from collector.ledger.ledger import Ledger
from collector.registry.disturbances import Disturbance
from collector.registry.inventory import Inventory

_HOUR: Final = timedelta(hours=1)
_HOUR_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class SiteRecall:
    """What became of a site's reports.

    Attributes
    ----------
    recall : Recall
    by_chance : Recall
        What the same windows in other weeks would have come to.
    answers : tuple of (Disturbance, Answer)
        Newest first.
    """

    recall: Recall
    by_chance: Recall
    answers: tuple[tuple[Disturbance, Answer], ...]


def site_recall(
    ledger: Ledger, inventory: Inventory, told: Sequence[Disturbance], now: datetime
) -> SiteRecall:
    """What became of reports at one site."""
    answers = tuple((one, answered(ledger, inventory, one, now)) for one in told)
    others = [
        (one, window)
        for one in told
        for window in other_weeks(one.window)
        if window.end < now - _HOUR
    ]
    if not others:
        return SiteRecall(recall(found for _, found in answers), recall(()), answers)
    hours = _hours(ledger, others[0][0].site, [window for _, window in others])
    compared = (
        answer(one.what, window, _heard(ledger, one.site, window), _by_hours(hours, window), now)
        for one, window in others
    )
    return SiteRecall(recall(found for _, found in answers), recall(compared), answers)


def answered(ledger: Ledger, inventory: Inventory, told: Disturbance, now: datetime) -> Answer:
    """What was measured when somebody was disturbed, as far as it is known `now`."""
    window = told.window
    site = inventory.sites[told.site]
    nodes = [node for node in inventory.nodes if inventory.site_of(node, window.start) == site]
    measured_s = max((_measured_s(ledger, node, window) for node in nodes), default=0.0)
    return answer(told.what, window, _heard(ledger, told.site, window), measured_s, now)


def _heard(ledger: Ledger, site: str, window: Window) -> list[Heard]:
    simulated = not ledger.has_measured(site)
    return ledger.heard(site, window.start - _HOUR, window.end, simulated=simulated)


def _measured_s(ledger: Ledger, node: str, window: Window) -> float:
    series = ledger.levels(node, window.start - _HOUR, window.end)
    levels = period_levels(
        [at.timestamp() for at in series.start],
        [float(interval_s) for interval_s in series.interval_s],
        [nan if level is None else level for level in series.laeq_db],
        [window.start.timestamp(), window.end.timestamp()],
    )
    return float(levels.measured_s[0])


def _hours(ledger: Ledger, site: str, windows: Sequence[Window]) -> Mapping[datetime, int]:
    """How many seconds of each hour the node measured that measured longest."""
    start = min(window.start for window in windows) - _HOUR
    end = max(window.end for window in windows)
    longest: dict[datetime, int] = {}
    for row in ledger.level_hours(site=site, start=start, end=end):
        longest[row.hour] = max(longest.get(row.hour, 0), row.valid_s)
    return longest


def _by_hours(hours: Mapping[datetime, int], window: Window) -> float:
    """About how much of a window was measured, by the hours it lies in: enough to compare."""
    hour = window.start.replace(minute=0, second=0, microsecond=0)
    least = _HOUR_S
    while hour < window.end:
        least = min(least, hours.get(hour, 0))
        hour += _HOUR
    return window.length_s * least / _HOUR_S
