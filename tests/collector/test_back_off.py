"""Waiting after failures: ever longer, within bounds, and not for all the same."""

from __future__ import annotations

import pytest

from collector.back_off import BackOff

BACK_OFF = BackOff(first_s=0.5, longest_s=60.0)


@pytest.mark.parametrize(
    ("failures", "longest_s"), [(1, 0.5), (2, 1.0), (3, 2.0), (7, 32.0), (8, 60.0), (10_000, 60.0)]
)
def test_it_doubles_up_to_its_longest(failures: int, longest_s: float) -> None:
    assert BACK_OFF.bounds_s(failures) == (longest_s / 2, longest_s)
    for _ in range(50):
        assert longest_s / 2 <= BACK_OFF.wait_s(failures) <= longest_s


def test_not_all_come_again_at_once() -> None:
    assert len({BACK_OFF.wait_s(5) for _ in range(10)}) > 1


def test_what_somebody_asks_for_is_granted() -> None:
    assert BACK_OFF.wait_s(1, at_least_s=120.0) == 120.0
    assert BACK_OFF.wait_s(8, at_least_s=1.0) >= 30.0
