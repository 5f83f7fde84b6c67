"""How good plans, intervals and effects are, on simulated towns whose truth is known.

``python -m benchmarks.patterns [--plans N] [--effects N] [--kinds KIND ...] [--first-seed SEED]``
prints a line for each kind of town, over N seeds, and of plans one for all towns together. With
``--heard`` plans rest on the episodes that the rules find in what the nodes hear, as a ledger's do,
else on those that happened while measuring. Seeds from 401 on were not used for choosing any
constant (201 on, 1000 on, 2000 on and 3000 on were looked at). The last figures stand in
docs/patterns.md.
"""

from __future__ import annotations

import os

# Before numpy is loaded: several threads would wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from collector.analysis.backtest import backtest
from collector.analysis.coverage import TrueRates, rate_coverage
from collector.analysis.effect import Effect, patrol_effect
from collector.analysis.hours import HOURS_A_WEEK
from collector.analysis.patrol import MIN_MEASURED_H
from deploy.town.kinds import KINDS
from deploy.town.patrols import Campaign, usual_campaign
from deploy.town.tables import heard_tables, site_tables
from deploy.town.town import Town, simulate_town

FIRST_SEED = 401
TRAINING_WEEKS = 6
EFFECT_WEEKS = 12
BOOTSTRAPS = 4000
KIND_NAMES = [name for name, kind in KINDS.items() if not kind.patrolled]


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plans", type=int, default=24, help="towns of each kind to plan for")
    parser.add_argument("--effects", type=int, default=24, help="towns of each kind with patrols")
    parser.add_argument("--kinds", nargs="+", default=KIND_NAMES, choices=KIND_NAMES)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--heard", action="store_true", help="plan from what nodes hear")
    asked = parser.parse_args()
    began = time.perf_counter()
    if asked.plans:
        print(f"plans of three 2-hour windows from {TRAINING_WEEKS} weeks: {asked.plans} towns")
        print(f"{'kind':10} {'plan':>6} {'+-':>5} {'together':>8} {'worst':>6} {'raw':>6} "
              f"{'never off':>9} {'<3 h':>5} {'covered':>8} {'busy':>6}")  # fmt: skip
        found = []
        for kind in asked.kinds:
            towns = seeds(asked.first_seed, asked.plans)
            found.append([planned(kind, seed, heard=asked.heard) for seed in towns])
            print_plans(kind, found[-1])
        print_together(found)
    if asked.effects:
        print(f"\neffects: {EFFECT_WEEKS} weeks before and after: {asked.effects} towns")
        print(f"{'kind':10} {'null: reported':>14} {'halved: found':>13} {'power told':>10} "
              f"{'enough data':>11} {'found then':>10} {'moved, null':>11} "
              f"{'moved: seen':>11}")  # fmt: skip
        for kind in asked.kinds:
            print_effects(
                kind, [effects(kind, seed) for seed in seeds(asked.first_seed, asked.effects)]
            )
    print(f"\n{time.perf_counter() - began:.0f} s")


def seeds(first: int, count: int) -> range:
    """Of so many towns."""
    return range(first, first + count)


@dataclass(frozen=True, slots=True)
class Planned:
    """One town: shares of the best possible, and intervals."""

    share: float
    met: float
    raw_met: float
    best: float
    raw_share: float
    never_off_share: float
    unmeasured: int
    covered: float
    busy_covered: float


def planned(kind: str, seed: int, *, heard: bool = False) -> Planned:
    """Plan the week after six weeks of one town."""
    town = simulate_town(seed, term_start(seed), TRAINING_WEEKS, kind=kind)
    last = town.when.start + timedelta(weeks=TRAINING_WEEKS)
    tables = heard_tables(town, last) if heard else site_tables(town)
    truth = true_rates(town)
    first, calendar = town.when.first_hour, town.when.calendar
    end = first + TRAINING_WEEKS * HOURS_A_WEEK
    tested = backtest(tables, calendar, truth=truth, end_hour=end + HOURS_A_WEEK)
    whole = backtest(
        site_tables(town, outages=False), calendar, truth=truth, end_hour=end + HOURS_A_WEEK
    )
    coverage = rate_coverage(tables, calendar, truth, first, end)
    windows = [window for week in tested.weeks for window in week.plan.windows]
    return Planned(
        share=tested.share,
        met=sum(week.met for week in tested.weeks),
        raw_met=sum(week.raw_met for week in tested.weeks),
        best=sum(week.best for week in tested.weeks),
        raw_share=tested.raw_share,
        never_off_share=whole.share,
        unmeasured=sum(window.measured_h < MIN_MEASURED_H for window in windows),
        covered=coverage.share,
        busy_covered=coverage.busy_share,
    )


@dataclass(frozen=True, slots=True)
class Found:
    """What is found of patrols at one town's busiest site."""

    null: Effect
    halved: Effect
    displaced: Effect
    displaced_to: str


def effects(kind: str, seed: int) -> Found:
    """Of patrols without effect, of such that halve, and of such that drive it elsewhere."""
    start = term_start(seed)
    town = simulate_town(seed, start, 2 * EFFECT_WEEKS, kind=kind, ahead_weeks=0)
    usual = usual_campaign(town.expected, town.when, weeks=2 * EFFECT_WEEKS, displaced=True)
    usual = replace(usual, relapse_hour=len(town.when), displaced_share=0.0)
    return Found(
        null=_effect(kind, seed, replace(usual, reduction=0.0)),
        halved=_effect(kind, seed, replace(usual, reduction=0.5)),
        displaced=_effect(kind, seed, replace(usual, reduction=0.7, displaced_share=1.0)),
        displaced_to=next(s.id for k, s in enumerate(town.sites) if k == usual.displaced_to),
    )


def _effect(kind: str, seed: int, campaign: Campaign) -> Effect:
    town = simulate_town(
        seed, term_start(seed), 2 * EFFECT_WEEKS, kind=kind, ahead_weeks=0, campaign=campaign
    )
    site = town.sites[campaign.site].id
    patrols = campaign.patrols(site, town.when)
    return patrol_effect(site_tables(town), town.when.calendar, patrols, site, weeks=EFFECT_WEEKS)


def term_start(seed: int) -> datetime:
    """A Monday of the school year, in UTC."""
    days = int(np.random.default_rng(seed).integers(0, 300))
    day = datetime(2025, 8, 18, tzinfo=UTC) + timedelta(days=days)
    return day - timedelta(days=day.weekday(), hours=2)


def true_rates(town: Town) -> TrueRates:
    """Expected episodes of each site, hour by hour."""
    first = town.when.first_hour
    return {site.id: (first, town.expected[k]) for k, site in enumerate(town.sites)}


def print_plans(kind: str, found: list[Planned]) -> None:
    """A line of the first table."""
    shares = [one.share for one in found if not np.isnan(one.share)]
    error = np.std(shares, ddof=1) / np.sqrt(len(shares)) if len(shares) > 1 else np.nan
    together = sum(one.met for one in found) / sum(one.best for one in found)
    print(
        f"{kind:10} {mean(shares):6.1%} {error:5.1%} {together:8.1%} {min(shares):6.1%} "
        f"{mean(o.raw_share for o in found):6.1%} "
        f"{mean(o.never_off_share for o in found):9.1%} {sum(o.unmeasured for o in found):5} "
        f"{mean(o.covered for o in found):8.1%} {mean(o.busy_covered for o in found):6.1%}",
        flush=True,
    )


def print_together(kinds: list[list[Planned]]) -> None:
    """What all towns' plans, and raw heat maps, met of all towns' best.

    Standard errors are those of towns drawn again within their kind (bootstrap).
    """
    towns = [np.array([(one.met, one.raw_met, one.best) for one in found]) for found in kinds]
    rng = np.random.default_rng(1)
    drawn = sum(
        town[rng.integers(len(town), size=(BOOTSTRAPS, len(town)))].sum(axis=1) for town in towns
    )
    met, raw_met, best = sum(town.sum(axis=0) for town in towns)
    again = np.asarray(drawn)[:, :2] / np.asarray(drawn)[:, 2:]
    plan_error, raw_error = again.std(axis=0, ddof=1)
    by_kind = [mean(one.share for one in found) for found in kinds]
    print(
        f"all {sum(map(len, towns))} towns together: plans met {met / best:.1%} +- {plan_error:.1%}"
        f" of the best possible, raw heat maps {raw_met / best:.1%} +- {raw_error:.1%}; "
        f"mean over kinds {mean(by_kind):.1%}",
        flush=True,
    )


def print_effects(kind: str, found: list[Found]) -> None:
    """A line of the second table."""
    null, halved = [one.null for one in found], [one.halved for one in found]
    enough = [one for one in halved if one.enough_data]
    seen = [one.displaced_to in dict(one.displaced.moved_to) for one in found]
    print(
        f"{kind:10} {mean(o.ratio.fell or o.ratio.rose for o in null):14.1%} "
        f"{mean(o.ratio.fell for o in halved):13.1%} {mean(o.power for o in halved):10.1%} "
        f"{len(enough):4} of {len(halved):3} {mean(o.ratio.fell for o in enough):10.1%} "
        f"{mean(bool(o.moved_to) for o in null):11.1%} {mean(seen):11.1%}",
        flush=True,
    )


def mean(values: Iterable[float]) -> float:
    """The mean of those that are numbers."""
    known: Iterator[float] = (float(value) for value in values)
    listed = [value for value in known if not np.isnan(value)]
    return float(np.mean(listed)) if listed else float("nan")


if __name__ == "__main__":
    main()
