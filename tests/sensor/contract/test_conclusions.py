from __future__ import annotations

from typing import Any, get_args

import pytest
from msgspec.structs import replace

from sensor.contract import words
from sensor.contract.commissioning import STEPS, ClockFindings, Drive, Findings, OpenPoint
from sensor.contract.conclusions import (
    drive_agrees,
    drive_error_percent,
    known_interval_kmh,
    mean_error_percent,
    open_points,
    step_of,
)
from tests.sensor.contract.samples import TIME, findings

NOTHING = Findings(equipment=findings().equipment)


def changed(step: str, **values: Any) -> Findings:
    """What was found, with other values in one step."""
    found = findings()
    return replace(found, **{step: replace(getattr(found, step), **values)})


def drives(*errors_percent: float, direction: int | None = None) -> tuple[Drive, ...]:
    """Drives at 40 km/h by GPS, measured so much off, to and fro unless told."""
    one = findings().drives[0]
    made = []
    for index, percent in enumerate(errors_percent):
        towards: Any = direction or (1 if index % 2 else -1)
        kmh = 40.0 * (1 + percent / 100)
        told = replace(
            one.passed.combined, speed_kmh=kmh, low_kmh=kmh - 2, high_kmh=kmh + 2,
            direction=towards,
        )  # fmt: skip
        passed = replace(one.passed, combined=told)
        made.append(replace(one, passed=passed, direction=towards))
    return tuple(made)


def test_a_speedometer_never_shows_less_than_the_speed() -> None:
    # UN Regulation No. 39, 5.3: 0 <= shown - true <= true / 10 + 4.
    low_kmh, high_kmh = known_interval_kmh(48.0, "speedometer")
    assert (low_kmh, high_kmh) == (40.0, 48.0)
    assert 48.0 - low_kmh == pytest.approx(low_kmh / 10 + 4)
    assert known_interval_kmh(3.0, "speedometer") == (0.0, 3.0)
    assert known_interval_kmh(40.0, "gps") == (39.0, 41.0)


def test_errors_are_of_the_middle_of_what_is_known() -> None:
    (one,) = drives(10.0)
    assert drive_error_percent(one) == pytest.approx(10.0)
    assert drive_agrees(one) is False
    (other,) = drives(5.0)
    assert drive_agrees(other) is True


def test_the_mean_error_has_students_interval() -> None:
    found = mean_error_percent(drives(2.0, 4.0, 6.0))
    assert found is not None
    assert found.value == pytest.approx(4.0)
    # t(2) = 4.303, s = 2, n = 3.
    assert found.high == pytest.approx(4.0 + 4.303 * 2 / 3**0.5)
    alone = mean_error_percent(drives(2.0))
    assert alone is not None
    assert alone.low is None
    assert mean_error_percent(()) is None


def test_a_drive_without_a_speed_has_no_error() -> None:
    one = findings().drives[0]
    refused = replace(
        one.passed.combined, speed_kmh=None, low_kmh=None, high_kmh=None, refused="too_quiet"
    )
    unknown = replace(one, passed=replace(one.passed, combined=refused))
    assert drive_error_percent(unknown) is None
    assert drive_agrees(unknown) is None
    assert "drives_off" in open_points(replace(findings(), drives=(unknown,)))


def test_where_nothing_was_done_all_of_it_is_open() -> None:
    assert open_points(NOTHING) == tuple(
        sorted(f"{'place' if step == 'place' else step}_not_done" for step in STEPS)
    )


def test_what_a_node_has_not_is_not_open() -> None:
    alone = replace(NOTHING.equipment, channels=1, radar=None, mounting=None)
    points = open_points(replace(NOTHING, equipment=alone))
    assert not {"order_not_done", "radar_not_done", "drives_not_done"} & set(points)


@pytest.mark.parametrize(
    ("step", "values", "point"),
    [
        ("levels", {"difference_db": -3.1}, "levels_unequal"),
        ("calibrator", {"result": "invalid"}, "calibrator_invalid"),
        ("radar", {"angle_deg": 30.1}, "radar_angle"),
        ("network", {"signal_dbm": -76.0}, "network_weak"),
        ("network", {"signal_dbm": None, "quality_percent": 29.0}, "network_weak"),
        ("network", {"broker_reached": False}, "network_away"),
        ("delivery", {"seconds": None}, "delivery_open"),
        ("place", {"position": None}, "position_not_told"),
        ("place", {"distance_m": (7.0, 7.41)}, "distance_unsure"),
        ("place", {"distance_m": (7.41, 7.41)}, "distance_unlike_configured"),
        ("place", {"distance_back_m": (9.5, 9.5)}, "distance_unlike_configured"),
    ],
)
def test_what_does_not_hold_is_open(step: str, values: dict[str, Any], point: OpenPoint) -> None:
    assert point not in open_points(findings())
    assert point in open_points(changed(step, **values))


@pytest.mark.parametrize(
    ("synchronised", "offset_s", "error_s", "unsure"),
    [
        (True, 0.01, 0.02, False), (True, 0.01, 0.11, True), (True, -0.11, None, True),
        (True, 0.09, None, False), (False, None, None, True), (None, None, None, True),
    ],
)  # fmt: skip
def test_a_clock_that_may_be_off_is_open(
    synchronised: bool | None, offset_s: float | None, error_s: float | None, unsure: bool
) -> None:
    clock = ClockFindings(
        at=TIME, synchronised=synchronised, offset_s=offset_s, error_s=error_s, server=None,
        phone_offset_s=0.0,
    )  # fmt: skip
    assert ("clock_unsure" in open_points(replace(findings(), clock=clock))) is unsure


def test_channels_that_are_no_sound_are_open() -> None:
    levels = findings().levels
    assert levels is not None
    for values, point in (({"state": "dead"}, "levels_unlike_sound"),
                          ({"overload": True}, "levels_overload")):  # fmt: skip
        one = replace(levels.channels[1], **values)
        found = changed("levels", channels=(levels.channels[0], one))
        assert point in open_points(found)


def test_the_order_is_wrong_where_one_tap_was_nearest_elsewhere() -> None:
    order = findings().order
    assert order is not None
    for nearest in (0, None):
        other = replace(order.taps[1], nearest=nearest)
        assert "order_wrong" in open_points(changed("order", taps=(order.taps[0], other)))


def test_ten_good_drives_both_ways_leave_nothing_open() -> None:
    good = replace(findings(), drives=drives(*[1.0] * 10))
    assert not [p for p in open_points(good) if p.startswith("drives")]
    assert "drives_off" in open_points(replace(good, drives=drives(*[5.5] * 10)))
    assert "drives_one_way" in open_points(replace(good, drives=drives(*[1.0] * 10, direction=1)))


def test_a_direction_that_was_told_wrong_is_open() -> None:
    (one,) = drives(1.0, direction=1)
    assert "drives_direction" in open_points(
        replace(findings(), drives=(replace(one, direction=-1),))
    )


def test_every_step_and_point_has_words_in_both_languages() -> None:
    for code in ("sv", "en"):
        groups = words.groups(code)
        assert set(groups["steps"]) == set(STEPS)
        assert set(groups["open_points"]) == set(get_args(OpenPoint))
    assert {step_of(point) for point in get_args(OpenPoint)} == set(STEPS)
