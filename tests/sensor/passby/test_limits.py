"""The limit on rate, and one trigger a vehicle for the radar."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.passby.limits import RadarSightings, RateLimit

RATE = 1000


@settings(deadline=None, max_examples=100)
@given(st.lists(st.integers(0, 3 * 3600), min_size=1, max_size=200), st.integers(1, 20))
def test_no_hour_has_more_than_the_limit_and_nothing_is_refused_below_it(
    seconds: list[int], limit: int
) -> None:
    rate_limit = RateLimit(limit, RATE)
    admitted: list[int] = []
    for second in sorted(seconds):
        last_hour = sum(second - 3600 < earlier for earlier in admitted)
        was_admitted = rate_limit.admits(second * RATE)
        assert was_admitted == (last_hour < limit)
        if was_admitted:
            admitted.append(second)


def test_readings_of_one_vehicle_are_fresh_once() -> None:
    radar = RadarSightings(10, RATE)
    for frame in (100, 300, 500):
        radar.note(frame, 30)
    assert radar.until(400) == (True, True)
    assert radar.until(600) == (True, False)
    assert radar.until(800) == (False, False)
    radar.note(3000, 30)
    assert radar.until(3100) == (True, True)


def test_walkers_are_ignored() -> None:
    radar = RadarSightings(10, RATE)
    radar.note(100, 6)
    assert radar.until(1000) == (False, False)
