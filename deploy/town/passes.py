"""Every pass-by and noise at a site, second by second: single ones, and those of episodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from deploy.town.clock import seed_of
from deploy.town.outings import Episode
from deploy.town.town import Town
from deploy.town.traffic import CHARACTERS, SoundKind, draw_singles

VEHICLE_KINDS: Final[frozenset[SoundKind]] = frozenset(
    {"car", "moped", "a_tractor", "heavy", "rev"}
)

_SLOWEST_KMH, _FASTEST_KMH = 12.0, 95.0
_CONVOY_GAP_S: Final = (9.0, 14.0)


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happens at a site.

    `at_s` counts from the town's first hour; `level_db` is LAFmax at 7 m; `episode` is the number
    of the episode that it belongs to.
    """

    at_s: float
    kind: SoundKind
    level_db: float
    speed_kmh: float | None
    length_s: float
    direction: Literal[1, -1]
    episode: int | None = None


def happenings(town: Town, index: int) -> list[Happening]:
    """All that happens at a site, in order of time; the same for every node there."""
    site = town.sites[index].id
    rng = np.random.default_rng(seed_of("happenings", town.seed, site))
    found = []
    for kind, count in draw_singles(site, town.activity[index], town.when, town.seed).items():
        hour = np.repeat(np.arange(len(count)), count)
        times_s = 3600.0 * (hour + rng.random(len(hour)))
        found += [_happening(rng, kind, float(at_s)) for at_s in times_s]
    for one in town.company:
        if one.site == index:
            found.append(_happening(rng, one.vehicle, 3600.0 * one.at_h))
    for episode in town.episodes:
        if episode.site == index:
            found += _passes(episode, town.seed)
    return sorted(found, key=lambda happening: happening.at_s)


def _happening(
    rng: np.random.Generator, kind: SoundKind, at_s: float, episode: int | None = None
) -> Happening:
    character = CHARACTERS[kind]
    speed_kmh = None
    if character.speed_kmh is not None:
        speed = rng.normal(*character.speed_kmh)
        speed_kmh = float(np.clip(speed, _SLOWEST_KMH, _FASTEST_KMH))
    return Happening(
        at_s=at_s,
        kind=kind,
        level_db=float(rng.normal(*character.level_db)),
        speed_kmh=speed_kmh,
        length_s=float(rng.uniform(*character.length_s)),
        direction=1 if rng.random() < 0.5 else -1,
        episode=episode,
    )


def _passes(episode: Episode, seed: int) -> Iterator[Happening]:
    """The passes of an episode, by its style; those of one run are of the same vehicles."""
    run = np.random.default_rng(seed_of("run", seed, episode.run))
    rng = np.random.default_rng(seed_of("passes", seed, episode.run, episode.site))
    firsts = [_happening(run, episode.vehicle, 0.0) for _ in range(episode.vehicles)]
    lap_s = float(run.uniform(70.0, 150.0))
    begin_s = 3600.0 * episode.at_h
    for number in range(episode.passes):
        lap, vehicle = divmod(number, episode.vehicles)
        at_s = begin_s + lap * lap_s + float(rng.normal(0.0, 0.05 * lap_s)) * (lap > 0)
        at_s += vehicle * float(rng.uniform(*_CONVOY_GAP_S))
        first = firsts[vehicle]
        if episode.style == "revving" and number % 2 == 1:
            yield _happening(rng, "rev", at_s, episode.number)
            continue
        turns = episode.style in ("back_and_forth", "convoy") and lap % 2 == 1
        yield Happening(
            at_s=at_s,
            kind=episode.vehicle,
            level_db=first.level_db + float(rng.normal(0.0, 1.2)),
            speed_kmh=(first.speed_kmh or _SLOWEST_KMH) * float(rng.uniform(0.9, 1.15)),
            length_s=0.0,
            direction=-1 if (first.direction == 1) == turns else 1,
            episode=episode.number,
        )
