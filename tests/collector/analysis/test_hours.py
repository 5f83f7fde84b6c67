"""Hours of a site and what time it was there, above all where clocks change."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.analysis.hours import SiteHours, hour_at, local_hours, time_of

STOCKHOLM = "Europe/Stockholm"


def day_of(local: datetime) -> np.ndarray:
    """All hours of the local day."""
    zone = ZoneInfo(STOCKHOLM)
    start = hour_at(local.replace(tzinfo=zone))
    hours = np.arange(start, start + 26, dtype=np.int64)
    days = local_hours(hours, STOCKHOLM).day
    return np.asarray(hours[days == days[0]])


@pytest.mark.parametrize(
    ("day", "count", "hours"),
    [
        (datetime(2026, 3, 29), 23, [0, 1, *range(3, 24)]),
        (datetime(2026, 10, 25), 25, [0, 1, 2, 2, *range(3, 24)]),
        (datetime(2026, 11, 22), 24, list(range(24))),
    ],
)
def test_days_have_the_hours_that_their_clocks_had(
    day: datetime, count: int, hours: list[int]
) -> None:
    found = day_of(day)
    assert len(found) == count
    local = local_hours(found, STOCKHOLM)
    assert local.hour_of_day.tolist() == hours
    assert set(local.weekday.tolist()) == {day.weekday()}


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from([STOCKHOLM, "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]),
    st.lists(st.integers(0, 700_000), min_size=1, max_size=50),
)
def test_local_time_is_that_of_zoneinfo(zone: str, hours: list[int]) -> None:
    local = local_hours(np.array(hours, dtype=np.int64), zone)
    for k, hour in enumerate(hours):
        told = time_of(hour).astimezone(ZoneInfo(zone))
        assert (local.weekday[k], local.hour_of_day[k]) == (told.weekday(), told.hour)
        assert local.day[k] == (told.date() - datetime(1970, 1, 1).date()).days


def test_hours_and_times_turn_into_each_other() -> None:
    at = datetime(2026, 11, 22, 14, 59, 59, tzinfo=UTC)
    assert time_of(hour_at(at)) == at.replace(minute=0, second=0)


def table(hours: list[int], **changes: np.ndarray) -> SiteHours:
    columns = {
        name: np.arange(len(hours), dtype=np.int64)
        for name in ("measured_s", "events", "unconfirmed", "episodes")
    }
    return SiteHours(
        site="ekskolan",
        time_zone=STOCKHOLM,
        hour=np.array(hours, dtype=np.int64),
        **(columns | changes),
    )


def test_a_part_has_the_rows_of_its_hours() -> None:
    part = table([1, 3, 5, 9]).between(3, 9)
    assert part.hour.tolist() == [3, 5]
    assert part.episodes.tolist() == [1, 2]
    assert len(table([1]).between(2, 9)) == 0


def test_no_hours_are_no_local_times() -> None:
    assert len(table([]).local.hour_of_week) == 0


@pytest.mark.parametrize("hours", [[2, 2], [3, 1]])
def test_hours_must_rise(hours: list[int]) -> None:
    with pytest.raises(ValueError, match="ekskolan must rise"):
        table(hours)


def test_columns_must_be_of_equal_length() -> None:
    with pytest.raises(ValueError, match="equal length"):
        table([1, 2], events=np.zeros(3, dtype=np.int64))
