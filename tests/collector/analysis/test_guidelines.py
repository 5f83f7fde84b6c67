"""Guideline values are compared as they count, and never with what was not measured."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest

from collector.analysis.guidelines import compared_level, compared_passes
from collector.analysis.hours import Ints
from collector.analysis.levels import (
    LevelHours,
    average_day_db,
    day_evening_night,
    energy,
    hour_period_levels,
)

# Monday 2026-11-02, 00:00 in Stockholm.
FIRST = 498_215
WEEK = 168
ZONE = "Europe/Stockholm"
MISSING = float("nan")


def hours(
    level_db: float = 50.0, others: Mapping[int, float] | None = None, count: int = WEEK
) -> LevelHours:
    """Hours of the same level but for some by their number; NaN: not measured."""
    levels = np.full(count, level_db)
    for number, level in (others or {}).items():
        levels[number] = level
    known = ~np.isnan(levels)
    hour = np.arange(FIRST, FIRST + count, dtype=np.int64)[known]
    return LevelHours(hour, energy(levels[known]), np.full(len(hour), 3600.0))


def lafmax(found: LevelHours, at: Ints, level_db: float, weeks: int = 1) -> float:
    """The worst hour's passes over 70 dB."""
    return compared_passes(
        70.0, at, np.full(len(at), level_db), found, ZONE, FIRST, FIRST + weeks * WEEK
    ).found


def test_lden_of_a_steady_level() -> None:
    found = day_evening_night(hours(50.0), ZONE, FIRST, FIRST + WEEK)
    np.testing.assert_allclose(found.laeq_db, 50.0)
    np.testing.assert_allclose(found.coverage, 1.0)
    # The well-known difference between Lden and a level that never changes.
    assert found.lden_db == pytest.approx(56.4, abs=0.05)


def test_lden_counts_nights_most() -> None:
    loud_at_night = hours(20.0, {day * 24 + 2: 70.0 for day in range(7)})
    loud_by_day = hours(20.0, {day * 24 + 12: 70.0 for day in range(7)})
    night, day = (
        day_evening_night(one, ZONE, FIRST, FIRST + WEEK).lden_db
        for one in (loud_at_night, loud_by_day)
    )
    assert night == pytest.approx(day + 10, abs=0.1)


def test_no_lden_without_evenings() -> None:
    gaps = {day * 24 + hour: MISSING for day in range(7) for hour in range(18, 22)}
    found = day_evening_night(hours(50.0, gaps), ZONE, FIRST, FIRST + WEEK)
    assert math.isnan(found.lden_db)
    assert found.coverage.tolist() == [1.0, 0.0, 1.0]


def test_an_hour_of_day_counts_once_however_often_it_was_measured() -> None:
    # Loud mornings that were measured on one day of seven only.
    gaps = {day * 24 + 8: MISSING for day in range(1, 7)}
    found = average_day_db(hours(40.0, {8: 70.0, **gaps}), ZONE)
    assert found == pytest.approx(10 * math.log10((23 * 1e4 + 1e7) / 24))


def test_a_day_of_hours_keeps_its_gaps() -> None:
    gaps = dict.fromkeys(range(12), MISSING)
    edges = 3600.0 * (FIRST + 24 * np.arange(8))
    found = hour_period_levels(hours(50.0, gaps), edges)
    np.testing.assert_allclose(found.laeq_db, 50.0)
    np.testing.assert_allclose(found.coverage, [0.5] + [1.0] * 6)


def test_the_average_day_is_compared_not_the_worst() -> None:
    loud_day = dict.fromkeys(range(24), 65.0)
    found = compared_level("laeq_24h", 60.0, hours(50.0, loud_day), ZONE, FIRST, FIRST + WEEK)
    assert found.found == pytest.approx(10 * math.log10((6e5 + 10**6.5) / 7))
    assert (found.exceeded, found.exceedances, found.of) == (False, 1, 7)


def test_nothing_is_said_where_an_hour_was_never_measured() -> None:
    gaps = {day * 24 + 3: MISSING for day in range(7)}
    found = compared_level("laeq_24h", 40.0, hours(50.0, gaps), ZONE, FIRST, FIRST + WEEK)
    assert found.exceeded is None
    assert found.coverage == pytest.approx(23 / 24)


def test_another_quantity_is_refused() -> None:
    with pytest.raises(ValueError, match="laeq_24h or lden"):
        compared_level("lafmax", 70.0, hours(), ZONE, FIRST, FIRST + WEEK)


def test_passes_count_by_the_worst_hour_of_use() -> None:
    found = hours(count=2 * WEEK)
    # Sixty on Mondays at ten; many more at night and on Sunday, when nobody is there.
    monday = np.repeat(FIRST + 10, 60)
    night, sunday = np.repeat(FIRST + 2, 500), np.repeat(FIRST + 6 * 24 + 10, 500)
    at = np.concatenate([monday, night, sunday]).astype(np.int64)
    assert lafmax(found, at, 75.0, weeks=2) == pytest.approx(6.0)
    assert lafmax(found, at, 70.0, weeks=2) == pytest.approx(0.0)


def test_too_few_hours_give_no_verdict() -> None:
    assert math.isnan(lafmax(hours(), np.array([FIRST + 10]), 80.0))
