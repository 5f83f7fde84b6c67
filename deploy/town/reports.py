"""What a simulated node says of what it heard: the event's message."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypeVar

import numpy as np

from deploy.town.hearing import LEVEL_DB, Detection
from deploy.town.passes import VEHICLE_KINDS, Happening
from deploy.town.spectrum import spectrum
from deploy.town.traffic import CHARACTERS, Character
from sensor.contract.messages import Event, Flag, Source, Speed, draft, event_id
from sensor.contract.quantities import SpeedMethod, SpeedRefusal

_Name = TypeVar("_Name", bound=str)

_REFUSALS: Mapping[SpeedRefusal, float] = {
    "too_uncertain": 0.4,
    "two_vehicles": 0.3,
    "too_quiet": 0.2,
    "disagreement": 0.1,
}


def event_message(
    node: str, one: Detection, start: datetime, rng: np.random.Generator, speed_method: SpeedMethod,
    weather: tuple[Flag, ...],
) -> Event:  # fmt: skip
    """The message about `one`; `start` is when the history begins."""
    began = start + timedelta(seconds=one.start_s)
    laeq = one.lae_db - float(10.0 * np.log10(one.duration_s))
    emergence = round(one.lafmax_db - one.background_db, 1)
    speed = _speed(one.happening, rng, speed_method)
    flags: tuple[Flag, ...] = ("simulated", *weather)
    return Event(
        **draft(node, began + timedelta(seconds=one.duration_s + 0.9)),
        id=event_id(node, began),
        start=began,
        duration_s=one.duration_s,
        trigger="level" if one.lafmax_db >= LEVEL_DB else "emergence",
        lafmax_db=one.lafmax_db,
        lae_db=one.lae_db,
        laeq_db=round(laeq, 1),
        lcpeak_db=round(one.lafmax_db + float(rng.uniform(14.0, 22.0)), 1),
        background_laf90_db=one.background_db,
        emergence_db=emergence,
        bands_db=spectrum(laeq, "traffic" if one.happening.kind in VEHICLE_KINDS else "calls", rng),
        source=_source(CHARACTERS[one.happening.kind], rng),
        speed=speed if isinstance(speed, Speed) else None,
        speed_refused=None if isinstance(speed, Speed) else speed,
        trace_lafmax_db=tuple(one.trace_db.tolist()),
        flags=tuple(sorted(flags)),
    )


def _source(character: Character, rng: np.random.Generator) -> Source:
    kind = _chosen(character.taken_for, rng)
    low = 0.2 if kind in ("unsure", "unconfirmed") else 0.5
    return Source(kind=kind, probability=round(float(rng.uniform(low, low + 0.45)), 2))


def _speed(thing: Happening, rng: np.random.Generator, method: SpeedMethod) -> Speed | SpeedRefusal:
    if thing.kind == "rev":
        return "stationary"
    if thing.speed_kmh is None:
        return "no_vehicle"
    if rng.random() < 0.2:
        return _chosen(_REFUSALS, rng)
    half_kmh = thing.speed_kmh * float(rng.uniform(0.05, 0.14))
    measured_kmh = thing.speed_kmh + float(rng.normal(0.0, half_kmh / 1.96))
    return Speed(
        speed_kmh=round(measured_kmh, 1),
        low_kmh=round(max(0.0, measured_kmh - half_kmh), 1),
        high_kmh=round(measured_kmh + half_kmh, 1),
        direction=None if method == "doppler" else thing.direction,
        method=method,
    )


def _chosen(shares: Mapping[_Name, float], rng: np.random.Generator) -> _Name:
    names = list(shares)
    ends = np.cumsum(list(shares.values()))
    return names[min(int(np.searchsorted(ends, rng.random() * ends[-1])), len(names) - 1)]
