"""Plans beside the best possible and a raw heat map, on simulated towns with known truth."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from collector.analysis.backtest import backtest
from collector.analysis.coverage import TrueRates, rate_coverage
from collector.analysis.patrol import MIN_MEASURED_H
from collector.analysis.school_calendar import NO_CALENDAR
from deploy.town.tables import site_tables
from deploy.town.town import Town, simulate_town
from tests.collector.analysis.site_tables import FIRST, evening, table

START = datetime(2026, 2, 15, 23, tzinfo=UTC)
WEEKS = 6
SEEDS = range(501, 507)


def truth(town: Town) -> TrueRates:
    first = town.when.first_hour
    return {site.id: (first, town.expected[k]) for k, site in enumerate(town.sites)}


@pytest.fixture(scope="module", params=["busy", "one-group"])
def towns(request: pytest.FixtureRequest) -> list[Town]:
    return [simulate_town(seed, START, WEEKS, kind=request.param) for seed in SEEDS]


def test_plans_meet_most_of_what_the_best_windows_would(towns: list[Town]) -> None:
    tested = [backtest(site_tables(town), town.when.calendar, truth=truth(town)) for town in towns]
    assert all(len(one.weeks) == 1 for one in tested)
    assert np.mean([one.share for one in tested]) >= 0.82
    for one in tested:
        assert 0.0 < one.share <= 1.0 + 1e-9
        assert 0.0 <= one.raw_share <= 1.0 + 1e-9
        windows = one.weeks[0].plan.windows
        assert len(windows) == 3
        assert all(window.measured_h >= MIN_MEASURED_H for window in windows)


def test_intervals_hold_the_true_rates(towns: list[Town]) -> None:
    found = [
        rate_coverage(
            site_tables(town), town.when.calendar, truth(town),
            town.when.first_hour, town.when.first_hour + WEEKS * 168,
        )
        for town in towns
    ]  # fmt: skip
    assert 0.88 <= np.mean([one.share for one in found]) <= 0.995
    assert np.mean([one.busy_share for one in found]) >= 0.8
    assert all(one.busy_held <= one.held <= one.cells for one in found)


def test_without_truth_counted_episodes_stand_in() -> None:
    tables = [table("a", evening((4, 20, 0.9), (4, 21, 0.9)), 9)]
    tested = backtest(tables, NO_CALENDAR, windows=1, end_hour=FIRST + 9 * 168)
    assert len(tested.weeks) == 3
    counted = sum(week.all for week in tested.weeks)
    assert counted == tables[0].between(FIRST + 6 * 168, FIRST + 9 * 168).episodes.sum()
    assert all(week.met <= week.best <= week.all for week in tested.weeks)


def test_too_few_weeks_are_no_test() -> None:
    tested = backtest([table("a", evening(), 6)], NO_CALENDAR)
    assert tested.weeks == ()
    assert np.isnan(tested.share)
    with pytest.raises(ValueError, match="no measured hour"):
        backtest([], NO_CALENDAR)
