"""How good plans, intervals and effects are, on simulated towns whose truth is known.

``python -m benchmarks.patterns [SEEDS]`` prints a line for each kind of town. Its seeds, 201 on,
were not used for choosing any constant (those were 1000 on, and 2000 on for effects). The last
figures stand in docs/patterns.md.
"""

from __future__ import annotations

import os

# Before numpy is loaded: several threads would wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import sys
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
from deploy.town.patrols import usual_campaign
from deploy.town.tables import site_tables
from deploy.town.town import Town, simulate_town

FIRST_SEED = 201
TRAINING_WEEKS = 6
EFFECT_WEEKS = 12
KIND_NAMES = [name for name, kind in KINDS.items() if not kind.patrolled]


def main(seeds: int) -> None:
    """Print both tables."""
    began = time.perf_counter()
    print(f"{seeds} towns of each kind; plans of three 2-hour windows from {TRAINING_WEEKS} weeks")
    print(f"{'kind':10} {'plan':>6} {'worst':>6} {'raw':>6} {'never off':>9} {'<3 h':>5} "
          f"{'covered':>8} {'busy':>6}")  # fmt: skip
    for kind in KIND_NAMES:
        print_plans(kind, [planned(kind, seed) for seed in range(FIRST_SEED, FIRST_SEED + seeds)])
    print(f"\neffects: {EFFECT_WEEKS} weeks before and after")
    print(f"{'kind':10} {'null: reported':>14} {'halved: found':>13} {'enough data':>11} "
          f"{'found then':>10} {'moved, null':>11}")  # fmt: skip
    for kind in KIND_NAMES:
        print_effects(kind, [effects(kind, seed) for seed in range(FIRST_SEED, FIRST_SEED + seeds)])
    print(f"\n{time.perf_counter() - began:.0f} s")


@dataclass(frozen=True, slots=True)
class Planned:
    """One town: shares of the best possible, and intervals."""

    share: float
    raw_share: float
    never_off_share: float
    unmeasured: int
    covered: float
    busy_covered: float


def planned(kind: str, seed: int) -> Planned:
    """Plan the week after six weeks of one town."""
    town = simulate_town(seed, term_start(seed), TRAINING_WEEKS, kind=kind)
    tables = site_tables(town)
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
        raw_share=tested.raw_share,
        never_off_share=whole.share,
        unmeasured=sum(window.measured_h < MIN_MEASURED_H for window in windows),
        covered=coverage.share,
        busy_covered=coverage.busy_share,
    )


def effects(kind: str, seed: int) -> tuple[Effect, Effect]:
    """What is found of patrols without effect, and of such that halve what happens."""
    start = term_start(seed)
    town = simulate_town(seed, start, 2 * EFFECT_WEEKS, kind=kind, ahead_weeks=0)
    usual = usual_campaign(town.expected, town.when, weeks=2 * EFFECT_WEEKS, displaced=False)
    found = []
    for reduction in (0.0, 0.5):
        campaign = replace(usual, reduction=reduction, relapse_hour=len(town.when))
        changed = simulate_town(
            seed, start, 2 * EFFECT_WEEKS, kind=kind, ahead_weeks=0, campaign=campaign
        )
        site = changed.sites[campaign.site].id
        patrols = campaign.patrols(site, changed.when)
        found.append(
            patrol_effect(
                site_tables(changed), changed.when.calendar, patrols, site, weeks=EFFECT_WEEKS
            )
        )
    return found[0], found[1]


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
    shares = [one.share for one in found]
    print(
        f"{kind:10} {mean(shares):6.1%} {min(shares):6.1%} {mean(o.raw_share for o in found):6.1%} "
        f"{mean(o.never_off_share for o in found):9.1%} {sum(o.unmeasured for o in found):5} "
        f"{mean(o.covered for o in found):8.1%} {mean(o.busy_covered for o in found):6.1%}",
        flush=True,
    )


def print_effects(kind: str, found: list[tuple[Effect, Effect]]) -> None:
    """A line of the second table."""
    null = [one for one, _ in found]
    halved = [one for _, one in found]
    enough = [one for one in halved if one.enough_data]
    print(
        f"{kind:10} {mean(o.ratio.fell or o.ratio.rose for o in null):14.1%} "
        f"{mean(o.ratio.fell for o in halved):13.1%} {len(enough):5} of {len(halved):2} "
        f"{mean(o.ratio.fell for o in enough):10.1%} {mean(bool(o.moved_to) for o in null):11.1%}",
        flush=True,
    )


def mean(values: Iterable[float]) -> float:
    """The mean of those that are numbers."""
    known: Iterator[float] = (float(value) for value in values)
    listed = [value for value in known if not np.isnan(value)]
    return float(np.mean(listed)) if listed else float("nan")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 24)
