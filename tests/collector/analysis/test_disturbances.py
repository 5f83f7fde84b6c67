"""What people told, beside what was heard: matched, missed, unknown, and how often by chance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from collector.analysis.disturbances import (
    Answer,
    State,
    What,
    When,
    Window,
    answer,
    fits,
    other_weeks,
    recall,
    window_of,
)
from collector.analysis.episodes import Heard

AT = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LATER = AT + timedelta(hours=1)


def heard(minutes: float, source: str = "car", **changes: Any) -> Heard:
    """An event of five seconds so long after AT."""
    values: dict[str, Any] = {"duration_s": 5.0, "lafmax_db": 80.0, "source": source, **changes}
    return Heard(node="n", id="0" * 16, start=AT + minutes * MINUTE, **values)


@pytest.mark.parametrize(
    ("when", "first", "last"), [("now", -5, 1), ("minutes_ago", -20, 0), ("picked", -15, 15)]
)
def test_the_window_is_as_wide_as_people_know(when: When, first: int, last: int) -> None:
    window = window_of(when, AT)
    assert window == Window(AT + first * MINUTE, AT + last * MINUTE)
    inside = (first + 0.05, last - 0.05)
    outside = (first - 0.2, last + 0.05)
    for minutes in inside:
        assert answer("speeding", window, [heard(minutes)], 0.0, LATER).state == "matched"
    for minutes in outside:
        assert answer("speeding", window, [heard(minutes)], 0.0, LATER).state == "not_measured"
    # Something that began before and still sounded counts.
    long = heard(first - 1, duration_s=90.0)
    assert answer("speeding", window, [long], 0.0, LATER).state == "matched"


@pytest.mark.parametrize(
    ("what", "source", "fitting"),
    [
        ("speeding", "moped_motorcycle", True),
        ("speeding", "unclassified", True),
        ("speeding", "voices", False),
        ("revving", "revving", True),
        ("revving", "music", False),
        ("loud_music", "music", True),
        ("loud_music", "unsure", True),
        ("loud_music", "car", False),
        ("other", "bell", True),
    ],
)
def test_only_what_fits_is_a_match(what: What, source: str, fitting: bool) -> None:
    assert fits(what, heard(0, source)) is fitting


def test_what_moved_is_a_vehicle_whatever_it_sounded_like() -> None:
    assert fits("speeding", heard(0, "wind_rain", speed_kmh=40.0))
    assert not fits("loud_music", heard(0, "wind_rain", speed_kmh=40.0))


@pytest.mark.parametrize(
    ("measured_s", "minutes_later", "state"),
    [
        (360.0, 60, "not_matched"),
        (288.0, 60, "not_matched"),
        (287.0, 60, "not_measured"),
        (0.0, 60, "not_measured"),
        (0.0, 3.9, "waiting"),
        (360.0, 3.9, "waiting"),
        (360.0, 4.0, "not_matched"),
    ],
)
def test_silence_says_something_only_where_it_was_measured(
    measured_s: float, minutes_later: float, state: State
) -> None:
    window = window_of("now", AT)
    now = AT + minutes_later * MINUTE
    found = answer("speeding", window, [heard(0, "voices")], measured_s, now)
    assert (found.state, found.events) == (state, ())


def test_a_match_is_told_at_once_with_its_events_in_order() -> None:
    window = window_of("now", AT)
    found = answer("speeding", window, [heard(-1), heard(-3), heard(-2, "bell")], 0.0, AT)
    assert found.state == "matched"
    assert [one.start for one in found.events] == [AT - 3 * MINUTE, AT - MINUTE]


def answers(state: State, count: int) -> list[Answer]:
    """So many answers."""
    return [Answer(state, window_of("now", AT), (), 0.0)] * count


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 5), st.integers(0, 5))
def test_recall_is_the_share_of_what_was_judged(
    matched: int, missed: int, unmeasured: int, waiting: int
) -> None:
    found = recall(
        answers("matched", matched)
        + answers("not_matched", missed)
        + answers("not_measured", unmeasured)
        + answers("waiting", waiting)
    )
    assert (found.heard.count, found.heard.of) == (matched, matched + missed)
    assert (found.unmeasured, found.waiting) == (unmeasured, waiting)
    assert found.is_few == (matched + missed < 10)
    if matched and missed:
        low, high = beta.interval(0.95, matched + 0.5, missed + 0.5)
        assert (found.heard.low, found.heard.high) == pytest.approx((low, high))


def test_other_weeks_are_the_same_time_of_the_week() -> None:
    window = window_of("now", AT)
    others = other_weeks(window)
    assert len(others) == 8
    assert window not in others
    assert {one.start.weekday() for one in others} == {window.start.weekday()}
    assert {(one.start - window.start) % timedelta(weeks=1) for one in others} == {timedelta(0)}
