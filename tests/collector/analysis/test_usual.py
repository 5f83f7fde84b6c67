"""Today beside the usual: the interval holds what it promises, and nothing is said of no data."""

from __future__ import annotations

import numpy as np
import pytest

from collector.analysis.hours import HOURS_A_WEEK, SiteHours
from collector.analysis.rates import fit_rates, week_profile
from collector.analysis.school_calendar import NO_CALENDAR
from collector.analysis.usual import Usual, against_usual

_FIRST = 494_000


def _table(counts: np.ndarray, measured_s: int = 3600, site: str = "ekskolan") -> SiteHours:
    hours = np.arange(_FIRST, _FIRST + len(counts), dtype=np.int64)
    none = np.zeros(len(counts), dtype=np.int64)
    return SiteHours(site, "Europe/Stockholm", hour=hours, measured_s=none + measured_s,
                     events=none, unconfirmed=none, episodes=counts.astype(np.int64))  # fmt: skip


def test_nineteen_days_in_twenty_are_usual_where_nothing_changes() -> None:
    rng = np.random.default_rng(5)
    weeks, days = 20, 120
    counts = rng.poisson(0.15, 24 * (7 * weeks + days))
    table = _table(counts)
    end = _FIRST + 24 * 7 * weeks
    rates = fit_rates([table], NO_CALENDAR, end_hour=end, recency=False)
    said = [
        against_usual(rates, [table], NO_CALENDAR, end + 24 * day, end + 24 * day + 24)[0]
        for day in range(days)
    ]
    within = sum(one.verdict == "usual" for one in said)
    assert within / days > 0.9
    assert sum(one.expected for one in said) / days == pytest.approx(24 * 0.15, rel=0.1)
    # Narrow enough to be of use.
    assert max(one.high for one in said) <= 15


def test_a_day_with_many_more_is_more_and_one_with_none_of_many_is_fewer() -> None:
    counts = np.full(24 * 7 * 10, 2)
    counts[-48:-24] = 0
    counts[-24:] = 12
    table = _table(counts)
    end = _FIRST + len(counts)
    rates = fit_rates([table], NO_CALENDAR, end_hour=end - 48, recency=False)
    fewer, more = (
        against_usual(rates, [table], NO_CALENDAR, first, first + 24)[0]
        for first in (end - 48, end - 24)
    )
    assert (fewer.verdict, fewer.count) == ("fewer", 0)
    assert (more.verdict, more.count) == ("more", 288)
    assert fewer.expected == pytest.approx(48, rel=0.1)


def test_what_was_not_measured_is_not_expected() -> None:
    counts = np.full(24 * 7 * 10, 1)
    whole, half = _table(counts), _table(counts, 1800)
    end = _FIRST + len(counts)
    rates = fit_rates([whole], NO_CALENDAR, end_hour=end - 24, recency=False)
    (full,) = against_usual(rates, [whole], NO_CALENDAR, end - 24, end)
    (part,) = against_usual(rates, [half], NO_CALENDAR, end - 24, end)
    assert part.expected == pytest.approx(full.expected / 2)
    (none,) = against_usual(rates, [whole], NO_CALENDAR, end, end + 24)
    assert none == Usual("ekskolan", 0, 0, 0.0, 0, 0)
    assert none.verdict == "unmeasured"


def test_a_profile_joins_types_of_day_by_how_long_each_was_measured() -> None:
    rng = np.random.default_rng(2)
    rates = fit_rates([_table(rng.poisson(0.3, HOURS_A_WEEK * 8))], NO_CALENDAR, recency=False)
    profile = week_profile(rates)
    measured = rates.measured_h[0]
    wanted = (rates.rate[0] * measured).sum(axis=0) / measured.sum(axis=0)
    assert profile.rate[0] == pytest.approx(wanted)
    assert (profile.low[0] < profile.rate[0]).all()
    assert (profile.rate[0] < profile.high[0]).all()
    assert profile.count.sum() == rates.count.sum()
    one = week_profile(rates, [0])
    assert np.isnan(one.rate[0, 5 * 24 :]).all(), "no Saturday is a school day"
    assert one.low[0, :24] == pytest.approx(rates.interval()[0][0, 0, :24])
