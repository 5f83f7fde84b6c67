"""A vehicle that went past, as each way of measuring sees it, and what known speeds tell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import fmean
from typing import Final, Literal

import numpy as np

from sensor.blocks import AudioBlock
from sensor.contract.commissioning import Drive, Measured, Pass, RadarFindings
from sensor.contract.conclusions import known_interval_kmh, mean_interval
from sensor.contract.messages import Event
from sensor.events import Passage
from sensor.inputs import SpeedReading
from sensor.passby.geometry import Geometry
from sensor.passby.radar import radar_speed
from sensor.passby.speed import SpeedEstimate, SpeedRefused, analyse_sound

# Single readings jump; what the radar keeps seeing is this quantile of them.
_SEEN_QUANTILE: Final = 0.9
_LEAST_READINGS: Final = 4
_LEAST_KMH: Final = 3.0


def pass_of(passage: Passage, geometry: Geometry) -> Pass:
    """Return what each way of measuring says of a passage by itself, beside its event."""
    event = passage.event
    by = [*_by_sound(passage.sound, geometry)]
    if passage.radar:
        found = radar_speed(passage.radar, passage.start, geometry)
        by.append(_measured("radar", found))
    return Pass(
        at=event.start,
        event=event.id,
        lafmax_db=event.lafmax_db,
        combined=_combined(event),
        by=tuple(by),
        radar_seen_kmh=_seen_kmh(passage.radar),
    )


def _by_sound(sound: AudioBlock | None, geometry: Geometry) -> list[Measured]:
    if sound is None or sound.gap:
        return []
    both = []
    if sound.channels > 1 and geometry.spacing_m is not None:
        analysis = analyse_sound(sound.pressure_pa[:, :2], sound.sample_rate, geometry)
        both.append(_measured("stereo", analysis.outcome))
    analysis = analyse_sound(sound.pressure_pa[:, :1], sound.sample_rate, geometry)
    both.append(_measured("doppler", analysis.outcome))
    return both


def _measured(
    method: Literal["stereo", "doppler", "radar"], found: SpeedEstimate | SpeedRefused
) -> Measured:
    if isinstance(found, SpeedRefused):
        return Measured(method=method, refused=found.reason)
    return Measured(
        method=method,
        speed_kmh=round(found.speed_kmh, 1),
        low_kmh=round(found.low_kmh, 1),
        high_kmh=round(found.high_kmh, 1),
        direction=None if found.direction is None else (1 if found.direction > 0 else -1),
    )


def _combined(event: Event) -> Measured:
    speed = event.speed
    if speed is None:
        return Measured(method="fused", refused=event.speed_refused or "not_configured")
    return Measured(
        method=speed.method,
        speed_kmh=speed.speed_kmh,
        low_kmh=speed.low_kmh,
        high_kmh=speed.high_kmh,
        direction=speed.direction,
    )


def _seen_kmh(radar: Sequence[SpeedReading]) -> float | None:
    speeds = [reading.speed_kmh for reading in radar if reading.speed_kmh >= _LEAST_KMH]
    if len(speeds) < _LEAST_READINGS:
        return None
    return round(float(np.quantile(speeds, _SEEN_QUANTILE)), 1)


def radar_findings(drives: Sequence[Drive]) -> RadarFindings | None:
    """Return how near to the line of driving the radar looks; None: no drive tells.

    A radar sees the part of a speed along its line of sight, so what it kept seeing at most, over
    the known speed, is the cosine of the smallest angle under which it sees vehicles.
    """
    cosines, widths = [], []
    for drive in drives:
        seen_kmh = drive.passed.radar_seen_kmh
        if seen_kmh is None:
            continue
        low_kmh, high_kmh = known_interval_kmh(drive.known_kmh, drive.known_by)
        middle_kmh = fmean((low_kmh, high_kmh))
        cosines.append(seen_kmh / middle_kmh)
        widths.append((high_kmh - low_kmh) / 2 / middle_kmh)
    if not cosines:
        return None
    spread = mean_interval(cosines)
    # What is known of the speeds is off alike in all drives: it does not average out.
    half = spread.value * max(widths)
    if spread.high is not None:
        half = math.hypot(half, spread.high - spread.value)
    return RadarFindings(
        at=datetime.now(UTC),
        drives=len(cosines),
        cosine=round(spread.value, 3),
        low=round(spread.value - half, 3),
        high=round(spread.value + half, 3),
        angle_deg=round(math.degrees(math.acos(min(1.0, spread.value))), 1),
    )
