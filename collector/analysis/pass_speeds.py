"""Speeds of passes, beside the limits that held."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import nan
from zoneinfo import ZoneInfo

import numpy as np

from collector.analysis.episodes import Pass
from collector.analysis.levels import Floats
from collector.analysis.speed import SpeedTable
from collector.analysis.speed_limits import SpeedLimit, limits_at


def speed_table(found: Iterable[Pass], limits: Sequence[SpeedLimit], time_zone: str) -> SpeedTable:
    """Speeds of the confirmed passes among those `found` at one site, with its `limits`."""
    chosen = [one for one in found if one.confirmed]
    clocked = [one.clocked for one in chosen]
    held = limits_at(limits, (one.start for one in chosen), time_zone)
    zone = ZoneInfo(time_zone)
    return SpeedTable(
        hour_of_day=np.array([one.start.astimezone(zone).hour for one in chosen], dtype=np.int64),
        source=tuple(one.source for one in chosen),
        speed_kmh=_numbers(event and event.speed_kmh for event in clocked),
        low_kmh=_numbers(event and event.speed_low_kmh for event in clocked),
        high_kmh=_numbers(event and event.speed_high_kmh for event in clocked),
        limit_kmh=_numbers(held),
        refused=tuple(
            None if event else one.heard[0].speed_refused
            for one, event in zip(chosen, clocked, strict=True)
        ),
    )


def _numbers(values: Iterable[float | None]) -> Floats:
    return np.array([nan if value is None else value for value in values], dtype=np.float64)
