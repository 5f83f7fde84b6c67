"""Outings of groups and the episodes that come of them, with the rates behind them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from collector.analysis.hours import HOURS_A_WEEK
from deploy.town.clock import Clock, FloatArray, seed_of
from deploy.town.groups import (
    STYLES,
    Group,
    Habit,
    Style,
    Vehicle,
    lag_h,
    run_density,
    run_times_h,
    site_shares,
)

STRAY: Final = "stray"
COMPANY: Final = 2.0
"""Single passes of the group beside its episodes, expected on an outing."""

_PASSES: Final[dict[Style, tuple[int, float]]] = {
    "laps": (5, 4.0),
    "back_and_forth": (5, 4.0),
    "convoy": (6, 4.0),
    "revving": (4, 2.0),
}
# Strays come by day and in the evening.
_STRAY_HOURS: Final = np.repeat((0.2, 1.0, 2.0, 1.0), (7, 6, 10, 1))


@dataclass(frozen=True, slots=True)
class Episode:
    """Somebody drives round and round at a school, or stands there and revs.

    Attributes
    ----------
    number : int
        Of all in the town, in order of time.
    site : int
        Place of the site in the town's list.
    run : int
        Episodes of one run are of the same vehicles, at neighbouring sites in turn.
    at_h : float
        Hours since the town's first one.
    passes : int
        How often a vehicle passes or revs.
    """

    number: int
    site: int
    group: str
    run: int
    at_h: float
    vehicle: Vehicle
    vehicles: int
    style: Style
    passes: int


@dataclass(frozen=True, slots=True)
class Company:
    """A single pass of somebody who is out with a group."""

    site: int
    at_h: float
    vehicle: Vehicle


def expected_episodes(
    groups: Sequence[Group], sites: int, strays: float, when: Clock
) -> FloatArray:
    """Expected episodes by site and hour, over all weathers and moods: shape (sites, hours)."""
    expected = np.tile(_stray_rate(strays, when), (sites, 1))
    for group in groups:
        for habit in group.habits:
            first, profile = _profile(habit)
            for day in when.dates:
                begin = round(when.noon(day)) + first
                if habit.since <= when.first_hour + begin < habit.until:
                    chance = group.presence(habit, day, when, wet=None)
                    _add(expected, begin, chance * profile)
    return expected


def draw_episodes(
    groups: Sequence[Group], sites: int, strays: float, when: Clock, seed: int
) -> tuple[list[Episode], list[Company]]:
    """What the groups and others did: episodes and single passes, each in order of time."""
    episodes: list[Episode] = []
    company: list[Company] = []
    for group in groups:
        for number, habit in enumerate(group.habits):
            rng = np.random.default_rng(seed_of("outings", seed, group.name, number))
            for base, times_h in _outings(group, habit, when, rng):
                episodes += _episodes(group, habit, base, times_h, rng)
                company += _company(group, base, times_h, rng)
    episodes += _strays(sites, strays, when, np.random.default_rng(seed_of("strays", seed)))
    return numbered(episodes, len(when)), sorted(company, key=lambda one: one.at_h)


def numbered(episodes: Sequence[Episode], hours: int) -> list[Episode]:
    """Those within the `hours`, in order of time and numbered so."""
    ordered = sorted((one for one in episodes if 0.0 <= one.at_h < hours), key=lambda e: e.at_h)
    return [replace(one, number=number) for number, one in enumerate(ordered)]


def _profile(habit: Habit) -> tuple[int, FloatArray]:
    """Expected episodes of an outing by site and hour, and the first hour after noon."""
    sites = len(habit.bases)
    shares = site_shares(habit)
    runs = habit.most_runs * habit.run_share
    first, width = run_density(habit, 0.0)[0], 24
    profile = np.zeros((sites, width))
    for away in range(2):
        begin, density = run_density(habit, lag_h(0, away))
        near = np.abs(np.arange(sites)[:, np.newaxis] - np.arange(sites)) == away
        by_site = np.asarray(habit.bases) @ np.where(near, shares, 0.0)
        profile[:, begin - first : begin - first + len(density)] += runs * np.outer(
            by_site, density
        )
    return first, profile


def _add(expected: FloatArray, begin: int, profile: FloatArray) -> None:
    low, high = max(begin, 0), min(begin + profile.shape[1], expected.shape[1])
    if low < high:
        expected[:, low:high] += profile[:, low - begin : high - begin]


def _outings(
    group: Group, habit: Habit, when: Clock, rng: np.random.Generator
) -> Iterator[tuple[int, FloatArray]]:
    """Where the group stayed and when its runs began, outing by outing."""
    first = _profile(habit)[0]
    for day in when.dates:
        noon = when.noon(day)
        chance = group.presence(habit, day, when, wet=when.is_wet(day))
        if rng.random() >= chance:
            continue
        base = int(rng.choice(len(habit.bases), p=habit.bases))
        times_h = noon - 12.0 + run_times_h(habit, rng)
        if habit.since <= when.first_hour + round(noon) + first < habit.until:
            yield base, times_h


def _episodes(
    group: Group, habit: Habit, base: int, times_h: FloatArray, rng: np.random.Generator
) -> Iterator[Episode]:
    shares = site_shares(habit)[base]
    for at_h in times_h:
        run = int(rng.integers(2**31))
        style = STYLES[int(rng.choice(len(STYLES), p=group.styles))]
        fewest, more = _PASSES[style]
        for site in np.flatnonzero(rng.random(len(shares)) < shares).tolist():
            passes = fewest + int(rng.poisson(more))
            yield Episode(
                0, site, group.name, run, float(at_h) + lag_h(base, site), group.vehicle,
                max(2, group.vehicles) if style == "convoy" else 1, style, passes,
            )  # fmt: skip


def _company(
    group: Group, base: int, times_h: FloatArray, rng: np.random.Generator
) -> Iterator[Company]:
    for _ in range(int(rng.poisson(COMPANY)) if len(times_h) else 0):
        at_h = float(rng.uniform(times_h[0] - 0.5, times_h[-1] + 0.5))
        yield Company(base, at_h, group.vehicle)


def _stray_rate(strays: float, when: Clock) -> FloatArray:
    by_hour = _STRAY_HOURS / _STRAY_HOURS.mean() * strays / HOURS_A_WEEK
    return np.asarray(by_hour[when.hour_of_day], dtype=np.float64)


def _strays(sites: int, strays: float, when: Clock, rng: np.random.Generator) -> Iterator[Episode]:
    counts = rng.poisson(_stray_rate(strays, when), (sites, len(when)))
    for site, hour in np.argwhere(counts).tolist():
        for _ in range(int(counts[site, hour])):
            vehicle: Vehicle = "moped" if rng.random() < 0.5 else "a_tractor"
            yield Episode(
                0, site, STRAY, int(rng.integers(2**31)), hour + float(rng.random()), vehicle, 1,
                "laps", _PASSES["laps"][0] + int(rng.poisson(_PASSES["laps"][1])),
            )  # fmt: skip
