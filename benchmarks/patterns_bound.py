"""What no plan can beat: windows chosen by somebody who is told more than any node can hear.

``python -m benchmarks.patterns_bound [--plans N] [--kinds KIND ...]`` prints, for each kind of
town of :mod:`benchmarks.patterns`, what two planners meet of the best possible after six weeks:

- one is told which group drove each outing, heard or not, from where and at what times, all of
  each group's character, the weather, and which of them changed their habits when; and it knows
  how such towns are made (``deploy.town.groups.draw_group`` is its prior). It has to learn the
  evenings, times of day and places only, and does so by Bayes' rule (importance sampling);
- the other is told the same, but believes nothing of evenings beforehand: each is independently
  Beta(0.3, 0.9) distributed, on school days and on days off.

The first is an upper bound for the share that any method can reach on average; a method that must
find out by itself who drove lies below.
"""

from __future__ import annotations

import os

# Before numpy is loaded: several threads would wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache

import numpy as np

from benchmarks.patterns import FIRST_SEED, KIND_NAMES, TRAINING_WEEKS, mean, term_start
from collector.analysis.cells import Floats
from collector.analysis.hours import HOURS_A_WEEK
from collector.analysis.patrol import best_windows, window_sums
from collector.analysis.school_calendar import DayType
from deploy.town.groups import Group, Habit, draw_group
from deploy.town.kinds import kind_of
from deploy.town.outings import expected_episodes
from deploy.town.town import Town, simulate_town

DRAWS = 6000
SHADES = 40
TRAINING_H = TRAINING_WEEKS * HOURS_A_WEEK
EVENING_H = 17.5
JITTER_H = np.linspace(-1.2, 1.2, 25)
JITTER_CHANCE = (
    np.exp(-0.5 * np.square(JITTER_H / 0.4)) / np.exp(-0.5 * np.square(JITTER_H / 0.4)).sum()
)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plans", type=int, default=24, help="towns of each kind")
    parser.add_argument("--kinds", nargs="+", default=KIND_NAMES, choices=KIND_NAMES)
    asked = parser.parse_args()
    print(f"{asked.plans} towns; {'kind':10} {'knows the towns':>15} {'knows nothing':>13}")
    for kind in asked.kinds:
        found = [shares(kind, FIRST_SEED + n) for n in range(asked.plans)]
        knowing, flat = (mean(one[k] for one in found) for k in range(2))
        print(f"{'':10} {kind:10} {knowing:15.1%} {flat:13.1%}", flush=True)


def shares(kind: str, seed: int) -> tuple[float, float]:
    """What each of the two meets of the best possible in one town."""
    town = simulate_town(seed, term_start(seed), TRAINING_WEEKS, kind=kind)
    week = slice(TRAINING_H, TRAINING_H + HOURS_A_WEEK)
    true = window_sums(town.expected[:, week], 2)
    best = sum(true[at] for at in best_windows(true, 3, 2))
    met = []
    for knowing in (True, False):
        groups = [learnt(group, town, knowing=knowing, seed=seed) for group in town.groups]
        believed = expected_episodes(groups, len(town.sites), town.kind.strays, town.when)
        chosen = best_windows(window_sums(believed[:, week], 2), 3, 2)
        met.append(float(sum(true[at] for at in chosen) / best))
    return met[0], met[1]


@dataclass(frozen=True, slots=True)
class Outing:
    """When the runs of an outing passed its base, in hours after midnight."""

    base: int
    times_h: Floats


@dataclass(frozen=True, slots=True)
class Prior:
    """Habits as they might be; the first axis of each array is that of the draws."""

    presence: Floats
    presence_off: Floats
    begin_h: Floats
    length_h: Floats
    bases: Floats


def learnt(group: Group, town: Town, *, knowing: bool, seed: int) -> Group:
    """The group with the habits that are to be expected of it, given its outings."""
    habits: list[Habit] = []
    for habit in group.habits:
        if habit.until > town.when.first_hour + TRAINING_H:
            prior = drawn(town.kind_name, len(town.sites), evening=_evening(habit))
            habits += _learnt(group, habit, town, prior if knowing else _flat(prior), seed)
    return replace(group, habits=tuple(habits))


def _learnt(group: Group, habit: Habit, town: Town, prior: Prior, seed: int) -> list[Habit]:
    outings = _outings(group, habit, town)
    seen = _belief(_log_presence(group, habit, town, prior, outings))
    there = _belief(sum((np.log(prior.bases[:, one.base]) for one in outings.values()),
                        start=np.zeros(DRAWS)))  # fmt: skip
    then = _belief(sum((_log_times(prior, one.times_h) for one in outings.values()),
                       start=np.zeros(DRAWS)))  # fmt: skip
    # Expected episodes are linear in all but the times, of which some are taken by their chance.
    shades = np.random.default_rng(seed).choice(DRAWS, SHADES, p=then)
    return [
        replace(
            habit,
            presence=tuple((seen @ prior.presence / SHADES).tolist()),
            presence_off=tuple((seen @ prior.presence_off / SHADES).tolist()),
            bases=tuple((there @ prior.bases).tolist()),
            begin_h=float(prior.begin_h[k]),
            length_h=float(prior.length_h[k]),
        )
        for k in shades
    ]


def _log_presence(
    group: Group, habit: Habit, town: Town, prior: Prior, outings: dict[date, Outing]
) -> Floats:
    always = replace(habit, presence=(1.0,) * 7, presence_off=(1.0,) * 7)
    drives = 1.0 - (1.0 - habit.run_share) ** habit.most_runs
    log_likelihood = np.zeros(DRAWS)
    for day in _days(habit, town):
        off = town.when.calendar.day_type(day) is not DayType.SCHOOL
        usual = (prior.presence_off if off else prior.presence)[:, day.weekday()]
        wet = town.when.is_wet(day)
        chance = drives * usual * group.presence(always, day, town.when, wet=wet)
        log_likelihood += np.log(np.maximum(chance if day in outings else 1.0 - chance, 1e-12))
    return log_likelihood


def _log_times(prior: Prior, times_h: Floats) -> Floats:
    """Each run lies anywhere in a stretch of its own of the outing, which begins about begin_h."""
    count, length_h = len(times_h), prior.length_h[:, np.newaxis, np.newaxis]
    begin_h = prior.begin_h[:, np.newaxis] + JITTER_H
    place = (times_h - begin_h[:, :, np.newaxis]) * count / length_h - np.arange(count)
    fits = ((place >= 0.0) & (place <= 1.0)).all(axis=2) @ JITTER_CHANCE
    return np.asarray(np.log(np.maximum(fits * (count / prior.length_h) ** count, 1e-12)))


def _outings(group: Group, habit: Habit, town: Town) -> dict[date, Outing]:
    """What the group did by this habit in the weeks that are known, by the day it began."""
    found = {}
    own = [one for one in town.episodes if one.group == group.name and one.at_h < TRAINING_H]
    for day in _days(habit, town):
        midnight_h = town.when.noon(day) - 12.0
        first_h, last_h = (EVENING_H, EVENING_H + 16.0) if _evening(habit) else (6.0, EVENING_H)
        runs: dict[int, list[tuple[float, int]]] = {}
        for one in own:
            if first_h <= one.at_h - midnight_h < last_h:
                runs.setdefault(one.run, []).append((one.at_h - midnight_h, one.site))
        if runs:
            # A run passes its base first.
            begins = sorted(min(run) for run in runs.values())
            found[day] = Outing(begins[0][1], np.array([at_h for at_h, _ in begins]))
    return found


def _days(habit: Habit, town: Town) -> list[date]:
    end, since = TRAINING_H, habit.since - town.when.first_hour
    return [day for day in town.when.dates if since <= town.when.noon(day) + 6 and
            0 <= town.when.noon(day) < end - 12]  # fmt: skip


def _evening(habit: Habit) -> bool:
    return habit.begin_h > EVENING_H


@lru_cache(maxsize=2)
def drawn(kind: str, sites: int, *, evening: bool) -> Prior:
    """Habits of groups as such towns have them."""
    rng = np.random.default_rng(1)
    habits: list[Habit] = []
    while len(habits) < DRAWS:
        group = draw_group(1, sites, kind_of(kind), rng)
        habits += [one for one in group.habits if _evening(one) == evening]
    habits = habits[:DRAWS]
    return Prior(
        presence=_rows([one.presence for one in habits]),
        presence_off=_rows([one.presence_off for one in habits]),
        begin_h=np.array([one.begin_h for one in habits]),
        length_h=np.array([one.length_h for one in habits]),
        bases=np.maximum(_rows([one.bases for one in habits]), 1e-9),
    )


def _flat(prior: Prior) -> Prior:
    rng = np.random.default_rng(2)
    on, off = rng.beta(0.3, 0.9, (2, DRAWS, 7))
    return replace(prior, presence=on, presence_off=off)


def _rows(values: Sequence[tuple[float, ...]]) -> Floats:
    return np.array(values, dtype=np.float64)


def _belief(log_likelihood: Floats) -> Floats:
    chance = np.exp(log_likelihood - log_likelihood.max())
    return np.asarray(chance / chance.sum())


if __name__ == "__main__":
    main()
