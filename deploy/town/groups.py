"""Groups of young drivers and their habits: which evenings, when, along which schools."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Literal, TypeAlias

import numpy as np
from scipy.special import ndtri

from collector.analysis.school_calendar import DayType
from deploy.town.clock import WET_DAYS, Clock, FloatArray
from deploy.town.kinds import Kind

Vehicle: TypeAlias = Literal["moped", "a_tractor"]
Style: TypeAlias = Literal["laps", "back_and_forth", "convoy", "revving"]

STYLES: Final[tuple[Style, ...]] = ("laps", "back_and_forth", "convoy", "revving")
FRIDAY: Final = 4
RUN_LAG_H: Final = 0.1
"""From one school to the next on a run: six minutes."""

_JITTER_H: Final = 0.4
_BASE_SHARE: Final = 0.85
_SHADES: Final = 100
_SELDOM: Final = 0.1
_LIKING: Final = np.array([0.1, 0.1, 0.2, 0.25, 1.0, 1.0, 0.25])


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """When and where a group drives; times are hours after local midnight, past 24 as well.

    Attributes
    ----------
    presence : tuple of 7 floats
        Probability that the group is out on a dry day in May, Monday first, by school days'
        rules; the days of the week off follow `presence_off`.
    begin_h, length_h : float
        When an outing usually begins, and how long it is.
    most_runs, run_share : int, float
        Runs of an outing are binomial.
    bases : tuple of floats
        Probability of each site to be where the group stays on an outing.
    neighbour_share : float
        How often a run also leads past each neighbour of the base.
    since, until : int
        Hours since 1970 within which the habit holds.
    """

    presence: tuple[float, ...]
    presence_off: tuple[float, ...]
    begin_h: float
    length_h: float
    most_runs: int
    run_share: float
    bases: tuple[float, ...]
    neighbour_share: float
    since: int = -(2**62)
    until: int = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Some young people with their vehicles.

    Attributes
    ----------
    rain_shy : float
        Share of outings that a wet day spares.
    winter_share : float
        How active they are at midwinter, relative to midsummer.
    styles : tuple of floats
        Probability of each of :data:`STYLES`.
    """

    name: str
    vehicle: Vehicle
    vehicles: int
    habits: tuple[Habit, ...]
    rain_shy: float
    winter_share: float
    styles: tuple[float, ...]

    def presence(self, habit: Habit, day: date, when: Clock, *, wet: bool | None) -> float:
        """Probability of an outing on `day`; `wet` None: over all weathers."""
        off = when.calendar.day_type(day) is not DayType.SCHOOL
        usual = (habit.presence_off if off else habit.presence)[day.weekday()]
        rain = WET_DAYS if wet is None else float(wet)
        return usual * self._season(day) * (1.0 - rain * self.rain_shy)

    def _season(self, day: date) -> float:
        # 1 at the longest day, winter_share at the shortest.
        phase = np.cos(2.0 * np.pi * (day.timetuple().tm_yday - 172) / 365.25)
        return float(self.winter_share + (1.0 - self.winter_share) * 0.5 * (1.0 + phase))


def site_shares(habit: Habit) -> FloatArray:
    """Probability that a run passes each site, by base: array of shape (bases, sites)."""
    sites = len(habit.bases)
    away = np.abs(np.arange(sites)[:, np.newaxis] - np.arange(sites))
    shares = np.where(away == 1, habit.neighbour_share, 0.0)
    return np.where(away == 0, 1.0, shares)


def lag_h(base: int, site: int) -> float:
    """How much later than its base a run passes a site; neighbours come in turn."""
    return RUN_LAG_H * abs(site - base)


def run_density(habit: Habit, lag: float) -> tuple[int, FloatArray]:
    """Where in the day a run lies: the first hour after noon, and the probability of each from it.

    The beginning varies by a normal deviation, the run lies anywhere in the outing.
    """
    shades = (np.arange(_SHADES) + 0.5) / _SHADES
    begin = habit.begin_h + _JITTER_H * _normal_quantiles(shades)
    at = begin[:, np.newaxis] + habit.length_h * shades + lag
    hours = np.floor(at).astype(np.int64)
    first = int(hours.min())
    return first - 12, np.bincount((hours - first).ravel()) / hours.size


def run_times_h(habit: Habit, rng: np.random.Generator) -> FloatArray:
    """Hours after midnight of the runs of one outing: each in a stretch of its own."""
    begin = habit.begin_h + _JITTER_H * rng.standard_normal()
    count = int(rng.binomial(habit.most_runs, habit.run_share))
    return np.asarray(
        begin + habit.length_h * (np.arange(count) + rng.random(count)) / max(count, 1)
    )


def _normal_quantiles(share: FloatArray) -> FloatArray:
    return np.asarray(ndtri(share), dtype=np.float64)


def draw_group(number: int, sites: int, kind: Kind, rng: np.random.Generator) -> Group:
    """A group with habits of its own: some evenings that it likes, and often after school."""
    home = int(rng.integers(sites))
    habits = [_evenings(home, sites, kind, rng)]
    if rng.random() < kind.after_school:
        habits.append(_after_school(home, sites, kind, rng))
    moped = bool(rng.random() < 0.4)
    return Group(
        name=f"group-{number}",
        vehicle="moped" if moped else "a_tractor",
        vehicles=int(rng.integers(1, 5)),
        habits=tuple(habits),
        rain_shy=float(rng.uniform(0.3, 0.7) if moped else rng.uniform(0.0, 0.3)),
        winter_share=float(rng.uniform(0.4, 0.7) if moped else rng.uniform(0.8, 1.0)),
        styles=tuple(rng.dirichlet((3.0, 3.0, 2.0, 1.5)).tolist()),
    )


def _evenings(home: int, sites: int, kind: Kind, rng: np.random.Generator) -> Habit:
    presence = rng.uniform(0.0, _SELDOM, 7)
    count = int(rng.integers(kind.evenings[0], kind.evenings[1] + 1))
    liked = rng.choice(7, count, replace=False, p=_LIKING / _LIKING.sum())
    presence[liked] = rng.uniform(*kind.presence, count)
    # With no school tomorrow, an evening in the week is half one of a weekend.
    week = np.arange(7) < FRIDAY
    off = np.where(week, np.maximum(presence, 0.5 * presence.max()), presence)
    return Habit(
        presence=tuple(presence.tolist()),
        presence_off=tuple(off.tolist()),
        begin_h=float(rng.uniform(18.5, 22.0)),
        length_h=float(rng.uniform(1.5, 4.0)),
        most_runs=kind.most_runs,
        run_share=float(rng.uniform(0.5, 0.9)),
        bases=_bases(home, sites, rng),
        neighbour_share=float(rng.uniform(0.1, 0.5)),
    )


def _after_school(home: int, sites: int, kind: Kind, rng: np.random.Generator) -> Habit:
    presence = rng.uniform(0.0, _SELDOM, 7)
    presence[rng.integers(5)] = rng.uniform(*kind.presence)
    return Habit(
        presence=tuple(presence.tolist()),
        presence_off=(0.0,) * 7,
        begin_h=float(rng.choice((11.2, 14.5, 15.0, 15.5))),
        length_h=float(rng.uniform(0.7, 1.3)),
        most_runs=2,
        run_share=0.6,
        bases=_bases(home, sites, rng),
        neighbour_share=0.1,
    )


def _bases(home: int, sites: int, rng: np.random.Generator) -> tuple[float, ...]:
    others = rng.dirichlet(np.full(sites, 0.5))
    return tuple((_BASE_SHARE * (np.arange(sites) == home) + (1.0 - _BASE_SHARE) * others).tolist())


def changed_habits(group: Group, later: Group, hour: int) -> Group:
    """The `group`, which from `hour` (since 1970) on has the habits of `later`."""
    old = tuple(replace(habit, until=hour) for habit in group.habits)
    new = tuple(replace(habit, since=hour) for habit in later.habits)
    return replace(group, habits=old + new)
