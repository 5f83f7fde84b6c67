"""What passes and sounds at a school anyway: single vehicles, voices, bells, dogs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from deploy.town.clock import Clock, FloatArray, seed_of
from sensor.contract.messages import SourceKind

SoundKind: TypeAlias = Literal["car", "moped", "a_tractor", "heavy", "voices", "bell", "dog", "rev"]


@dataclass(frozen=True, slots=True)
class Character:
    """How loud a kind is at 7 m, how fast or how long, and what a classifier takes it for."""

    level_db: tuple[float, float]
    taken_for: Mapping[SourceKind, float]
    speed_kmh: tuple[float, float] | None = None
    length_s: tuple[float, float] = (0.0, 0.0)

    @property
    def vehicle_share(self) -> float:
        """Share that a classifier takes for a vehicle, or for the noise of one."""
        return sum(share for kind, share in self.taken_for.items() if kind in VEHICLES)

    @property
    def unsure_share(self) -> float:
        """Share of which it cannot say so for sure."""
        return sum(share for kind, share in self.taken_for.items() if kind in UNSURE)


VEHICLES: Final = frozenset({"moped_motorcycle", "car", "heavy_vehicle", "vehicle", "revving"})
UNSURE: Final = frozenset({"unconfirmed", "unsure", "unclassified"})

CHARACTERS: Final[Mapping[SoundKind, Character]] = MappingProxyType(
    {
        "car": Character((72.0, 3.0), {"car": 0.8, "vehicle": 0.2}, speed_kmh=(42.0, 8.0)),
        "moped": Character(
            (79.0, 3.5),
            {"moped_motorcycle": 0.8, "vehicle": 0.1, "unconfirmed": 0.1},
            speed_kmh=(43.0, 7.0),
        ),
        "a_tractor": Character(
            (82.5, 3.0),
            {"car": 0.4, "vehicle": 0.3, "music": 0.15, "revving": 0.1, "unsure": 0.05},
            speed_kmh=(39.0, 8.0),
        ),
        "heavy": Character(
            (76.0, 2.5), {"heavy_vehicle": 0.7, "vehicle": 0.3}, speed_kmh=(34.0, 5.0)
        ),
        "voices": Character((69.0, 3.0), {"voices": 0.95, "unsure": 0.05}, length_s=(3.0, 12.0)),
        "bell": Character((72.0, 1.0), {"bell": 1.0}, length_s=(4.0, 6.0)),
        "dog": Character((68.0, 3.0), {"animal": 0.9, "unsure": 0.1}, length_s=(2.0, 6.0)),
        # Standing, the engine raced again and again.
        "rev": Character(
            (84.0, 3.0),
            {"revving": 0.7, "vehicle": 0.2, "unconfirmed": 0.1},
            length_s=(15.0, 45.0),
        ),
    }
)

ORDINARY: Final[tuple[SoundKind, ...]] = (
    "car", "moped", "a_tractor", "heavy", "voices", "bell", "dog",
)  # fmt: skip


def single_rates(when: Clock) -> dict[SoundKind, FloatArray]:
    """Expected number of single happenings an hour at an ordinary school street."""
    hour = when.hour_of_day
    lunch = when.school & (hour >= 11) & (hour <= 12)
    after = when.school & (hour == 15)
    day = ((hour >= 6) & (hour <= 21)).astype(np.float64)
    evening = (hour >= 18) & (hour <= 22)
    out = np.isin(when.weekday, (4, 5)) & (hour >= 19) & (hour <= 22)
    # Rain keeps the young indoors.
    dry = np.where(when.rain_db > 0.0, 0.4, 1.0)
    lessons = (when.school & (hour >= 8) & (hour <= 14)).astype(np.float64)
    morning = (when.school & (hour >= 6) & (hour <= 9)).astype(np.float64)
    return {
        "car": 0.03 + 0.25 * day,
        "moped": dry * (0.02 + 0.08 * day + 0.7 * lunch + 1.5 * after + 0.3 * evening + 0.9 * out),
        "a_tractor": dry * (0.02 + 0.4 * lunch + 0.8 * after + 0.2 * evening + 0.9 * out),
        "heavy": 0.12 * morning,
        "voices": dry * 0.5 * lessons * (hour % 2 == 0),
        "bell": 0.15 * lessons,
        "dog": 0.04 * day,
    }


def draw_singles(
    site: str, activity: float, when: Clock, seed: int
) -> dict[SoundKind, NDArray[np.int64]]:
    """How many single happenings of each kind there were at a site, hour by hour."""
    rng = np.random.default_rng(seed_of("singles", seed, site))
    return {kind: rng.poisson(activity * rate) for kind, rate in single_rates(when).items()}
