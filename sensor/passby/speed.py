"""Speed of what passed, from whatever there is: two microphones, one, a radar."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from sensor.passby import one_microphone, two_microphones
from sensor.passby.fusion import fused
from sensor.passby.geometry import Geometry
from sensor.passby.radar import RadialSpeed, radar_speed
from sensor.passby.results import (
    SHORTEST_S,
    Analysis,
    SpeedEstimate,
    SpeedRefused,
    estimated,
    refused,
)

__all__ = [
    "Analysis",
    "Geometry",
    "SpeedEstimate",
    "SpeedRefused",
    "analyse_sound",
    "estimate_speed",
    "estimated",
    "refused",
]

# Beyond some seconds either side of the loudest moment a passage adds cost, not knowledge.
_LONGEST_S = 7.0
_LEVEL_STEP_S = 0.25


def estimate_speed(
    pressure_pa: NDArray[np.floating],
    sample_rate: int,
    geometry: Geometry,
    radar: Sequence[RadialSpeed] | None = None,
    start: datetime | None = None,
) -> SpeedEstimate | SpeedRefused:
    """Measure the speed of the vehicle in a sound.

    Parameters
    ----------
    pressure_pa : ndarray, shape (frames, channels)
        Sound of one event; scale does not matter.
    sample_rate : int
        Frames a second.
    geometry : Geometry
        Place of microphones and lanes.
    radar : sequence of RadialSpeed, optional
        Readings of a radar beside the microphone during the event.
    start : datetime, optional
        When the sound began (UTC); needed to place radar readings in it.

    Returns
    -------
    SpeedEstimate or SpeedRefused
        From radar and sound together where both can tell; they are reported as a disagreement
        where they contradict each other.
    """
    by_sound = analyse_sound(pressure_pa, sample_rate, geometry).outcome
    if not radar or start is None:
        return by_sound
    return fused(by_sound, radar_speed(radar, start, geometry))


def analyse_sound(
    pressure_pa: NDArray[np.floating], sample_rate: int, geometry: Geometry
) -> Analysis:
    """Measure the speed of the vehicle in a sound, and keep what led to it for plots."""
    sound = np.asarray(pressure_pa, dtype=np.float64)
    sound = sound[:, np.newaxis] if sound.ndim == 1 else sound
    if sound.shape[0] < SHORTEST_S * sample_rate:
        return Analysis(refused("too_short"), geometry)
    if not np.all(np.isfinite(sound)):
        return Analysis(refused("gap"), geometry)
    if not np.any(sound):
        return Analysis(refused("no_vehicle"), geometry)
    begin = _begin_of_loudest(sound, sample_rate)
    sound = sound[begin : begin + int(_LONGEST_S * sample_rate)]
    if sound.shape[1] > 1 and geometry.spacing_m is not None:
        analysis = two_microphones.analyse(sound[:, :2], sample_rate, geometry)
    else:
        analysis = one_microphone.analyse(sound[:, 0], sample_rate, geometry)
    return analysis.later(begin / sample_rate)


def _begin_of_loudest(sound: NDArray[np.float64], sample_rate: int) -> int:
    """First frame of the stretch around the loudest moment that is analysed."""
    longest = int(_LONGEST_S * sample_rate)
    if sound.shape[0] <= longest:
        return 0
    step = int(_LEVEL_STEP_S * sample_rate)
    steps = sound.shape[0] // step
    # Differences weigh high frequencies: wind must not choose the moment.
    rough = np.diff(sound[: steps * step, 0], prepend=sound[0, 0]).reshape(steps, step)
    loudest = (int(np.argmax(np.mean(rough**2, axis=1))) + 0.5) * step
    return int(np.clip(loudest - longest / 2, 0, sound.shape[0] - longest))
