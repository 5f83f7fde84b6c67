"""When a node did not measure: minute by minute, the same in tables and messages."""

from __future__ import annotations

from typing import Final

import numpy as np

from deploy.town.clock import BoolArray, Clock, seed_of
from deploy.town.kinds import Kind

MINUTES: Final = 60
"""Of an hour."""

_WEEK_MINUTES = 7 * 24 * MINUTES
_DUSK_H, _DARK_H = 19, 8


def valid_minutes(kind: Kind, when: Clock, node: str, place: int, seed: int) -> BoolArray:
    """Whether each minute of the town's hours was validly measured by a node.

    `place` numbers the town's nodes: one in three is away for weeks, and one fails at dusk,
    in kinds of town that have such.
    """
    rng = np.random.default_rng(seed_of("outages", seed, node))
    minutes = len(when) * MINUTES
    valid = rng.random(minutes) > 0.0005
    for _ in range(int(rng.poisson(kind.outages_a_week * minutes / _WEEK_MINUTES))):
        first = int(rng.integers(minutes))
        length = int(np.clip(rng.lognormal(np.log(60.0 * kind.outage_h), 1.2), 5, 5 * 24 * 60))
        valid[first : first + length] = False
    if kind.dead_weeks and (place + seed) % 3 == 0:
        first = int(rng.integers(minutes))
        valid[first : first + int(kind.dead_weeks * _WEEK_MINUTES)] = False
    if kind.dark_share and (place + seed) % 3 == 1:
        valid &= ~_dark(kind.dark_share, when, rng)
    return np.asarray(valid, dtype=np.bool_)


def _dark(share: float, when: Clock, rng: np.random.Generator) -> BoolArray:
    """Evenings and nights of a node that hangs on a lamp post with the wrong cable."""
    evening = when.day + (when.hour_of_day >= _DUSK_H)
    chosen = rng.random(int(evening[-1] - evening[0]) + 1) < share
    dark = (when.hour_of_day >= _DUSK_H) | (when.hour_of_day < (_DUSK_H + _DARK_H) % 24)
    return np.repeat(dark & chosen[evening - evening[0]], MINUTES)
