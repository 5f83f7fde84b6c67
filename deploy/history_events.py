"""Simulated pass-bys and noise: what happens at a site, and what one of its nodes makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from deploy.history_calendar import BoolArray, FloatArray, Hours, seed_of
from sensor.contract.messages import SourceKind

Kind: TypeAlias = Literal["car", "moped", "a_tractor", "heavy", "voices", "bell", "dog"]

LEVEL_DB = 65.0
EMERGENCE_DB = 15.0
_PRE_ROLL_S = 1.0
_LONGEST_LAG_S = 20.0


@dataclass(frozen=True, slots=True)
class Character:
    """How loud a kind is at 7 m, how fast or how long, and what a classifier takes it for."""

    level_db: tuple[float, float]
    taken_for: Mapping[SourceKind, float]
    speed_kmh: tuple[float, float] | None = None
    length_s: tuple[float, float] = (0.0, 0.0)


CHARACTERS: Mapping[Kind, Character] = {
    "car": Character((72.0, 3.0), {"car": 0.8, "vehicle": 0.2}, speed_kmh=(42.0, 8.0)),
    "moped": Character(
        (79.0, 3.5),
        {"moped_motorcycle": 0.8, "vehicle": 0.1, "unconfirmed": 0.1},
        speed_kmh=(43.0, 7.0),
    ),
    "a_tractor": Character(
        (82.5, 3.0),
        {"car": 0.35, "vehicle": 0.25, "music": 0.25, "revving": 0.1, "unsure": 0.05},
        speed_kmh=(39.0, 8.0),
    ),
    "heavy": Character((76.0, 2.5), {"heavy_vehicle": 0.7, "vehicle": 0.3}, speed_kmh=(34.0, 5.0)),
    "voices": Character((69.0, 3.0), {"voices": 0.95, "unsure": 0.05}, length_s=(3.0, 12.0)),
    "bell": Character((72.0, 1.0), {"bell": 1.0}, length_s=(4.0, 6.0)),
    "dog": Character((68.0, 3.0), {"animal": 0.9, "unsure": 0.1}, length_s=(2.0, 6.0)),
}


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happens at a site.

    `at_s` counts from the beginning of the history; `level_db` is LAFmax at 7 m.
    """

    at_s: float
    kind: Kind
    level_db: float
    speed_kmh: float | None
    length_s: float
    direction: Literal[1, -1]


@dataclass(frozen=True, slots=True)
class Heard:
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


def rates(when: Hours) -> dict[Kind, FloatArray]:
    """Expected number of single happenings an hour."""
    lunch = when.school & (when.hour >= 11) & (when.hour <= 12)
    after = when.school & (when.hour == 15)
    day = ((when.hour >= 6) & (when.hour <= 21)).astype(np.float64)
    evening = (when.hour >= 18) & (when.hour <= 22)
    out = weekend_evening(when)
    # Rain keeps the young indoors.
    dry = np.where(when.rain_db > 0.0, 0.4, 1.0)
    lessons = (when.school & (when.hour >= 8) & (when.hour <= 14)).astype(np.float64)
    morning = (when.school & (when.hour >= 6) & (when.hour <= 9)).astype(np.float64)
    return {
        "car": 0.03 + 0.25 * day,
        "moped": dry * (0.02 + 0.08 * day + 0.7 * lunch + 1.5 * after + 0.3 * evening + 0.9 * out),
        "a_tractor": dry * (0.02 + 0.4 * lunch + 0.8 * after + 0.2 * evening + 0.9 * out),
        "heavy": 0.12 * morning,
        "voices": dry * 0.5 * lessons * (when.hour % 2 == 0),
        "bell": 0.15 * lessons,
        "dog": 0.04 * day,
    }


def cluster_rate(when: Hours) -> FloatArray:
    """Expected number of groups an hour that begin to drive round and round."""
    dry = np.where(when.rain_db > 0.0, 0.4, 1.0)
    lunch = when.school & (when.hour == 11)
    after = when.school & (when.hour == 15)
    evening = (when.hour >= 19) & (when.hour <= 21)
    return np.asarray(
        dry * (0.05 * lunch + 0.1 * after + 0.02 * evening + 0.2 * weekend_evening(when))
    )


def weekend_evening(when: Hours) -> BoolArray:
    """Friday and Saturday, 19 to 23."""
    return np.isin(when.weekday, (4, 5)) & (when.hour >= 19) & (when.hour <= 22)


def happenings(site: str, when: Hours, activity: float) -> list[Happening]:
    """All that happens at `site`, in order of time; the same for every node there."""
    rng = np.random.default_rng(seed_of("happenings", site, when.start.isoformat()))
    found = []
    for kind, rate in rates(when).items():
        found += [_happening(rng, kind, at_s) for at_s in _times_s(rng, activity * rate)]
    for begin_s in _times_s(rng, activity * cluster_rate(when)):
        found += _cluster(rng, begin_s)
    return sorted(found, key=lambda happening: happening.at_s)


def _times_s(rng: np.random.Generator, rate: FloatArray) -> list[float]:
    count = rng.poisson(rate)
    hour = np.repeat(np.arange(len(rate)), count)
    return list(3600.0 * (hour + rng.random(len(hour))))


def _happening(rng: np.random.Generator, kind: Kind, at_s: float) -> Happening:
    character = CHARACTERS[kind]
    speed_kmh = None
    if character.speed_kmh is not None:
        speed_kmh = float(np.clip(rng.normal(*character.speed_kmh), 12.0, 95.0))
    return Happening(
        at_s=at_s,
        kind=kind,
        level_db=float(rng.normal(*character.level_db)),
        speed_kmh=speed_kmh,
        length_s=float(rng.uniform(*character.length_s)),
        direction=1 if rng.random() < 0.5 else -1,
    )


def _cluster(rng: np.random.Generator, begin_s: float) -> list[Happening]:
    """One vehicle, or a few alike, round the block again and again."""
    kind: Kind = "moped" if rng.random() < 0.35 else "a_tractor"
    first = _happening(rng, kind, begin_s)
    lap_s = rng.uniform(70.0, 150.0)
    passes = 5 + int(rng.poisson(4.0))
    return [
        Happening(
            at_s=begin_s + lap * lap_s + float(rng.normal(0.0, 0.08 * lap_s)),
            kind=kind,
            level_db=first.level_db + float(rng.normal(0.0, 1.2)),
            speed_kmh=(first.speed_kmh or 0.0) * float(rng.uniform(0.9, 1.15)),
            length_s=0.0,
            direction=first.direction,
        )
        for lap in range(passes)
    ]


def heard(
    things: list[Happening],
    rng: np.random.Generator,
    background_db: FloatArray,
    valid: BoolArray,
    farther_db: float,
) -> list[Heard]:
    """What a node detects of `things`.

    Parameters
    ----------
    background_db, valid : ndarray
        LAF90 and whether anything was measured, one value a minute.
    farther_db : float
        How much less than at 7 m the node hears.

    Returns
    -------
    list of Heard
        In order of time, none overlapping another.
    """
    found: list[Heard] = []
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
) -> Heard | None:
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
    return Heard(thing, start_s, duration_s, lafmax, round(float(lae), 1), background, trace)


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
