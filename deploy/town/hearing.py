"""What a node makes of what happens at its site: when it hears it, how loud, for how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deploy.town.clock import BoolArray, FloatArray
from deploy.town.passes import Happening

LEVEL_DB = 65.0
EMERGENCE_DB = 15.0
_PRE_ROLL_S = 1.0
_LONGEST_LAG_S = 20.0


@dataclass(frozen=True, slots=True)
class Detection:
    """A happening as a node measured it.

    `trace_db` is the greatest LAF of each second from `start_s`, all rounded as it is sent.
    """

    happening: Happening
    start_s: float
    duration_s: float
    lafmax_db: float
    lae_db: float
    background_db: float
    trace_db: FloatArray

    @property
    def end_s(self) -> float:
        """When it ended, since the beginning of the history."""
        return self.start_s + self.duration_s


def heard(
    things: Sequence[Happening],
    rng: np.random.Generator,
    background_db: FloatArray,
    valid: BoolArray,
    farther_db: float,
) -> list[Detection]:
    """What a node detects of `things`.

    Parameters
    ----------
    background_db, valid : ndarray
        LAF90 and whether anything was measured, one value a minute.
    farther_db : float
        How much less than at 7 m the node hears.

    Returns
    -------
    list of Detection
        In order of time, none overlapping another.
    """
    found: list[Detection] = []
    for thing in things:
        lag_s = thing.direction * farther_db / 6.0 * _LONGEST_LAG_S
        one = _heard(thing, thing.at_s + lag_s, rng, background_db, farther_db)
        if one is None or (found and one.start_s < found[-1].end_s + 1.0):
            continue
        minutes = slice(int(one.start_s // 60.0), int(one.end_s // 60.0) + 1)
        if minutes.start >= 0 and minutes.stop <= len(valid) and valid[minutes].all():
            found.append(one)
    return found


def _heard(
    thing: Happening,
    peak_s: float,
    rng: np.random.Generator,
    background_db: FloatArray,
    farther_db: float,
) -> Detection | None:
    minute = int(np.clip(peak_s // 60.0, 0, len(background_db) - 1))
    background = round(float(background_db[minute]), 1)
    lafmax = round(thing.level_db - farther_db + float(rng.normal(0.0, 0.8)), 1)
    if lafmax < LEVEL_DB and lafmax < background + EMERGENCE_DB:
        return None
    release = min(max(background + 10.0, lafmax - 15.0), lafmax - 3.0)
    if thing.speed_kmh is not None:
        # Level falls with the distance squared: half width of the pass at 3 dB.
        width_s = 7.0 * 10.0 ** (farther_db / 20.0) / (thing.speed_kmh / 3.6)
        reach_s = width_s * float(np.sqrt(10.0 ** ((lafmax - release) / 10.0) - 1.0))
        duration_s = round(2.0 * reach_s + _PRE_ROLL_S, 3)
    else:
        width_s = reach_s = 0.5 * thing.length_s
        duration_s = round(thing.length_s + _PRE_ROLL_S, 3)
    start_s = round(peak_s - reach_s - _PRE_ROLL_S, 3)
    trace = _trace_db(rng, lafmax, width_s, duration_s, thing.speed_kmh is not None)
    # A second's mean lies about a decibel under its greatest Fast level.
    lae = 10.0 * np.log10(np.sum(10.0 ** ((trace - 1.0) / 10.0)))
    return Detection(thing, start_s, duration_s, lafmax, round(float(lae), 1), background, trace)


def _trace_db(
    rng: np.random.Generator, lafmax: float, width_s: float, duration_s: float, passes: bool
) -> FloatArray:
    second = np.arange(int(np.ceil(duration_s)))
    peak_s = 0.5 * (duration_s + _PRE_ROLL_S)
    if passes:
        nearest_s = np.clip(peak_s, second, second + 1.0)
        below_db = 10.0 * np.log10(1.0 + np.square((nearest_s - peak_s) / width_s))
    else:
        below_db = rng.uniform(0.5, 6.0, len(second))
        below_db[0] = 9.0
    below_db[int(np.clip(peak_s, 0, len(second) - 1))] = 0.0
    return np.asarray(np.round(lafmax - below_db, 1))
