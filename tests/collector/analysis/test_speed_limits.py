"""The limit that held at a moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from collector.analysis.speed_limits import limits_at
from collector.registry.inventory import SpeedLimit

ZONE = "Europe/Stockholm"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
WORKDAYS = (1, 2, 3, 4, 5)
USUAL = SpeedLimit(site="x", kmh=40, since=LONG_AGO)
SCHOOL = SpeedLimit(
    site="x", kmh=30, since=LONG_AGO, weekdays=WORKDAYS, from_time="07:00", to_time="17:00"
)
NIGHT = SpeedLimit(
    site="x", kmh=20, since=LONG_AGO, weekdays=(5,), from_time="22:00", to_time="02:00"
)


def at(text: str, *limits: SpeedLimit) -> float | None:
    """The limit at a local time."""
    moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE))
    return limits_at(limits, [moment], ZONE)[0]


@pytest.mark.parametrize(
    ("time", "kmh"),
    [
        ("2026-11-02T06:59", 40),
        ("2026-11-02T07:00", 30),
        ("2026-11-02T16:59", 30),
        ("2026-11-02T17:00", 40),
        ("2026-11-07T12:00", 40),
    ],
)
def test_school_hours_come_before_the_usual(time: str, kmh: float) -> None:
    assert at(time, SCHOOL, USUAL) == at(time, USUAL, SCHOOL) == kmh


@pytest.mark.parametrize(
    ("time", "kmh"),
    [
        ("2026-11-06T21:59", 40),
        ("2026-11-06T22:00", 20),
        ("2026-11-07T01:59", 20),
        ("2026-11-07T02:00", 40),
        ("2026-11-06T01:00", 40),
    ],
)
def test_a_night_begins_on_its_weekday(time: str, kmh: float) -> None:
    assert at(time, USUAL, NIGHT) == kmh


def test_a_new_limit_replaces_that_of_the_same_hours_only() -> None:
    raised = SpeedLimit(site="x", kmh=50, since=LONG_AGO + timedelta(days=365))
    assert at("2020-06-01T20:00", USUAL, raised, SCHOOL) == 40
    assert at("2026-11-02T20:00", USUAL, raised, SCHOOL) == 50
    assert at("2026-11-02T12:00", USUAL, raised, SCHOOL) == 30


def test_before_any_limit_none_is_known() -> None:
    assert at("2019-12-31T12:00", USUAL) is None
    assert at("2026-11-02T12:00") is None


def test_local_time_decides() -> None:
    # 06:30 UTC is 07:30 in winter and 08:30 in summer.
    winter, summer = (
        datetime(2026, 1, 5, 6, 30, tzinfo=UTC),
        datetime(2026, 7, 6, 5, 30, tzinfo=UTC),
    )
    assert limits_at([USUAL, SCHOOL], [winter, summer], ZONE) == [30, 30]
