"""Backgrounds of a neighbourhood's nights, with what makes sound nodes differ; the truth is known.

All of a town shares its weather. What is each node's own: a level, what a night adds to it and
half of which is still there in the next, tenths that levels are rounded to, a season that passes
(leaves, ice, snow ploughs), weekends, single loud nights, and nights that were not measured.
The spreads are assumptions, not yet measured in the field: they are set wider than in published
comparisons of nearby unattended stations, of which 1 dB from night to night is usual.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collector.analysis.drift import FloatArray


@dataclass(frozen=True, slots=True)
class Nights:
    """How nights differ: dB from one to the next, over the seasons, and how often they are odd."""

    own_db: float = 1.0
    memory: float = 0.5
    season_db: float = 0.7
    weekend_db: float = 0.6
    loud_share: float = 0.04
    missing_share: float = 0.06


USUAL = Nights()
ROUGH = Nights(own_db=1.6, memory=0.6, season_db=1.0, loud_share=0.08, missing_share=0.15)


def neighbourhood(
    seed: int, nodes: int, nights: int, kind: Nights = USUAL
) -> FloatArray:  # fmt: skip
    """Backgrounds of sound nodes, shape (nodes, nights); NaN: not measured."""
    rng = np.random.default_rng(seed)
    weather = _remembered(rng, (1, nights), 3.0, 0.6)
    level = rng.normal(36.0, 3.0, (nodes, 1))
    own = _remembered(rng, (nodes, nights), kind.own_db, kind.memory)
    phase = rng.uniform(0.0, 2.0 * np.pi, (nodes, 1))
    season = kind.season_db * np.sin(2.0 * np.pi * np.arange(nights) / 365.0 + phase)
    weekend = rng.normal(0.0, kind.weekend_db, (nodes, 1)) * (np.arange(nights) % 7 >= 5)
    loud = np.where(
        rng.random((nodes, nights)) < kind.loud_share, rng.exponential(5.0, (nodes, nights)), 0.0
    )
    found = np.round(level + weather + own + season + weekend + loud, 1)
    found[rng.random((nodes, nights)) < kind.missing_share] = np.nan
    return np.asarray(found, dtype=np.float64)


def _remembered(
    rng: np.random.Generator, shape: tuple[int, int], spread: float, memory: float
) -> FloatArray:
    found = rng.normal(0.0, spread, shape)
    for night in range(1, shape[1]):
        found[:, night] = memory * found[:, night - 1] + np.sqrt(1.0 - memory**2) * found[:, night]
    return np.asarray(found, dtype=np.float64)
