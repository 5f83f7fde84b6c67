"""Rates by hour of the week: laws, day types, and intervals that hold."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from collector.analysis.cells import count_cells
from collector.analysis.hours import SiteHours
from collector.analysis.rates import fit_rates, rate_quantile
from collector.analysis.school_calendar import NO_CALENDAR, DayType, SchoolCalendar, Span
from tests.collector.analysis.site_tables import FIRST, evening, table

FRIDAY_20 = 4 * 24 + 20
BUSY = evening((4, 19, 0.6), (4, 20, 0.9), (4, 21, 0.6))
CALM = evening()


def test_counts_and_hours_fall_into_their_cells() -> None:
    cells = count_cells([table("a", BUSY, 6)], NO_CALENDAR)
    assert cells.weeks == 6
    assert cells.measured_h.sum() == 6 * 168
    assert np.all(cells.measured_h.sum(axis=(0, 2)) == 6.0)
    assert cells.count.sum() == table("a", BUSY, 6).episodes.sum()
    assert count_cells([table("a", BUSY, 6)], NO_CALENDAR, what="events").count.sum() == 7 * (
        cells.count.sum()
    )


def test_the_day_of_25_hours_measures_its_double_hour_twice() -> None:
    # The week before FIRST begins an hour of summer time earlier.
    cells = count_cells([table("a", CALM, 2, first=FIRST - 2 * 168)], NO_CALENDAR, end_hour=FIRST)
    sunday = cells.measured_h.sum(axis=(0, 1, 2))[6 * 24 :]
    assert sunday[2] == 3.0


@pytest.mark.parametrize("first", [0, 1])
def test_measuring_every_other_week_at_one_site_shrinks_no_rate_there(first: int) -> None:
    # What was not measured is neither counted nor divided by: about the same rate comes out.
    heard = np.arange(20 * 168) // 168 % 2 == first
    often = 8.0 * BUSY
    whole = fit_rates([table("a", often, 20), table("b", often, 20)], NO_CALENDAR)
    half = fit_rates([table("a", often, 20, measured=heard), table("b", often, 20)], NO_CALENDAR)
    friday = (0, DayType.SCHOOL, FRIDAY_20)
    assert half.rate[friday] == pytest.approx(whole.rate[friday], rel=0.35)


@settings(deadline=None, max_examples=10)
@given(st.permutations(["a", "b", "c"]))
def test_the_order_of_sites_does_not_matter(names: list[str]) -> None:
    rates = {"a": BUSY, "b": CALM, "c": evening((5, 22, 0.5))}
    usual = fit_rates([table(name, rates[name], 6) for name in rates], NO_CALENDAR)
    other = fit_rates([table(name, rates[name], 6) for name in names], NO_CALENDAR)
    for index, name in enumerate(usual.sites):
        assert other.rate[names.index(name)] == pytest.approx(usual.rate[index], rel=1e-6)


def test_rates_come_near_the_truth_and_lie_in_their_intervals() -> None:
    rates = fit_rates([table("a", BUSY, 20), table("b", CALM, 20)], NO_CALENDAR, recency=False)
    low, high = rates.interval()
    friday = (0, DayType.SCHOOL, FRIDAY_20)
    assert low[friday] < 0.9 < high[friday]
    assert rates.rate[friday] == pytest.approx(0.9, rel=0.3)
    assert np.all(low < rates.rate)
    assert np.all(rates.rate < high)
    assert rates.rate[1].max() < 0.1
    wide_low, wide_high = rates.interval(0.99)
    assert np.all((wide_low <= low) & (high <= wide_high))


def test_habits_of_late_count_more_where_they_have_changed() -> None:
    before, after = table("a", BUSY, 6), table("a", evening((1, 20, 0.9), (1, 21, 0.9)), 6, seed=1)
    changed = SiteHours(
        site="a",
        time_zone=before.time_zone,
        hour=np.concatenate([before.hour, before.hour + 6 * 168]),
        measured_s=np.concatenate([before.measured_s, after.measured_s]),
        events=np.concatenate([before.events, after.events]),
        unconfirmed=np.concatenate([before.unconfirmed, after.unconfirmed]),
        episodes=np.concatenate([before.episodes, after.episodes]),
    )
    plain, recent = (fit_rates([changed], NO_CALENDAR, recency=wanted) for wanted in (False, True))
    assert plain.half_life_weeks is None
    assert recent.half_life_weeks is not None
    tuesday = (0, DayType.SCHOOL, 24 + 20)
    assert recent.rate[tuesday] > 1.2 * plain.rate[tuesday]
    steady = fit_rates([table("a", BUSY, 12)], NO_CALENDAR)
    assert steady.half_life_weeks is None


def test_a_break_is_no_time_for_school_hours() -> None:
    # Every lunch of six weeks of school; nothing is known of breaks yet.
    lunch = evening(*((day, 11, 0.8) for day in range(5)))
    span = Span(first=date(2027, 2, 15), last=date(2027, 2, 19))
    rates = fit_rates([table("a", lunch, 6)], SchoolCalendar(name="x", breaks=(span,)))
    assert rates.rate[0, DayType.SCHOOL, 11] > 0.4
    assert rates.rate[0, DayType.OFF, 11] < 0.3 * rates.rate[0, DayType.SCHOOL, 11]


def test_a_site_that_counted_nothing_may_still_have_what_others_have() -> None:
    # 1,008 hours without an episode bear with a few thousandths an hour, at any time of day.
    rates = fit_rates([table("a", BUSY, 6), table("b", np.zeros(168), 6)], NO_CALENDAR)
    assert rates.count[1].sum() == 0.0
    _, high = rates.interval()
    by_day = high[1, DayType.SCHOOL].reshape(7, 24)[:5, 8:17]
    assert np.all((by_day > 0.001) & (by_day < 0.05))
    assert rates.rate[1].max() < 0.25 * rates.rate[0].max()


@settings(deadline=None, max_examples=30)
@given(st.floats(0.2, 200.0), st.floats(1.2, 200.0), st.floats(1e-5, 10.0))
def test_quantiles_are_those_of_a_ratio_of_gammas(shape: float, other: float, mean: float) -> None:
    ratio = stats.betaprime(shape, other)
    for share in (0.025, 0.5, 0.975):
        found = rate_quantile(np.array(mean), np.array(shape), np.array(other), share)
        assert found == pytest.approx(mean / ratio.mean() * ratio.ppf(share), rel=1e-4)


def test_what_cannot_be_fitted_is_refused() -> None:
    with pytest.raises(ValueError, match="one table only"):
        fit_rates([table("a", CALM, 2), table("a", CALM, 2)], NO_CALENDAR)
    with pytest.raises(ValueError, match="no measured hour"):
        fit_rates([], NO_CALENDAR)
    with pytest.raises(ValueError, match="before the end"):
        fit_rates([table("a", CALM, 2)], NO_CALENDAR, end_hour=FIRST - 5)
