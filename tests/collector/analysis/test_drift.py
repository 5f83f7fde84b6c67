"""A node that grows deaf is found, its neighbours are left alone, and what cannot be told is not.

How often and how soon is measured by ``benchmarks.drift``; here are small towns of fixed seeds.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from collector.analysis.drift import (
    LEAST_NIGHTS,
    WINDOW_NIGHTS,
    Drift,
    FloatArray,
    Untold,
    begins,
    drift,
    nights,
    window,
)
from tests.collector.analysis.backgrounds import neighbourhood

FIRST = date(2026, 8, 1)
STOCKHOLM = "Europe/Stockholm"


def found(town: FloatArray, node: int = 0) -> Drift:
    """What is told of a node of a town."""
    told = drift(town[node], np.delete(town, node, axis=0), FIRST)
    assert isinstance(told, Drift)
    return told


@pytest.mark.parametrize("nodes", [3, 6])
def test_in_sound_towns_hardly_anybody_is_pointed_at(nodes: int) -> None:
    towns = [neighbourhood(seed, nodes, WINDOW_NIGHTS) for seed in range(60 // nodes)]
    pointed_at = [found(town, node).holds for town in towns for node in range(nodes)]
    assert sum(pointed_at) <= 2


@pytest.mark.parametrize("change_db", [-4.0, 4.0])
def test_a_step_is_found_with_its_size_and_its_night(change_db: float) -> None:
    right, within, since, blamed = 0, 0, 0, 0
    for seed in range(12):
        town = neighbourhood(seed, 5, WINDOW_NIGHTS)
        town[0, 70:] += change_db
        told = found(town)
        right += told.holds and told.change_db * change_db > 0
        within += told.low_db <= change_db <= told.high_db
        since += told.since_low <= FIRST + timedelta(days=70) <= told.since_high
        # The others hear one neighbour differently, and are as they were.
        blamed += sum(found(town, node).holds for node in range(1, 5))
    assert right >= 11
    assert within >= 9
    assert since >= 9
    assert blamed <= 3


def test_with_two_neighbours_it_is_told_which_of_three_has_drifted() -> None:
    for seed in range(10):
        town = neighbourhood(seed, 3, WINDOW_NIGHTS)
        town[2, 60:] -= 6.0
        assert [found(town, node).holds for node in range(3)] == [False, False, True]


def test_weather_moves_all_alike() -> None:
    town = neighbourhood(3, 4, WINDOW_NIGHTS)
    told = found(town)
    snow = np.where(np.arange(WINDOW_NIGHTS) > 60, -8.0, 0.0)
    assert found(town + snow).change_db == pytest.approx(told.change_db, abs=1e-9)


def test_a_few_loud_nights_are_no_drift() -> None:
    town = neighbourhood(4, 4, WINDOW_NIGHTS)
    town[0, 90:94] += 25.0
    assert not found(town).holds


def test_with_too_few_neighbours_or_nights_nothing_is_told() -> None:
    town = neighbourhood(5, 3, WINDOW_NIGHTS)
    assert drift(town[0], town[1:2], FIRST) == Untold(
        "few_neighbours", int(np.isfinite(town[0]).sum()), 1
    )
    assert isinstance(drift(town[0], np.empty((0, WINDOW_NIGHTS)), FIRST), Untold)
    new = town.copy()
    new[1:, :-20] = np.nan
    assert isinstance(drift(new[0], new[1:], FIRST), Untold)
    # All measured enough, but hardly ever together.
    apart = neighbourhood(6, 3, 2 * LEAST_NIGHTS)
    apart[0, ::2] = np.nan
    told = drift(apart[0], apart[1:], FIRST)
    assert isinstance(told, Untold)
    assert told.nights < LEAST_NIGHTS


def test_a_nights_background_is_that_of_its_small_hours() -> None:
    # 00 to 05 there is 22 to 03 UTC in summer.
    begin = datetime(2026, 7, 31, 22, tzinfo=UTC)
    hours = [(begin + timedelta(hours=n), 30.0 + n) for n in range(8)]
    told = nights(hours, FIRST, 2, STOCKHOLM)
    assert told[0] == 32.0
    assert np.isnan(told[1])
    assert np.isnan(nights(hours[:2], FIRST, 1, STOCKHOLM)[0])
    assert np.isnan(nights(hours, FIRST + timedelta(days=9), 3, STOCKHOLM)).all()


@pytest.mark.parametrize(
    ("now", "last"),
    [("2026-11-20T03:59:00Z", date(2026, 11, 19)), ("2026-11-20T04:00:00Z", date(2026, 11, 20))],
)
def test_only_nights_that_are_over_count(now: str, last: date) -> None:
    first = window(datetime.fromisoformat(now), STOCKHOLM)
    assert first + timedelta(days=WINDOW_NIGHTS - 1) == last
    assert begins(date(2026, 7, 1), STOCKHOLM) == datetime(2026, 6, 30, 22, tzinfo=UTC)


def test_levels_of_a_node_that_never_change_are_told_too() -> None:
    flat = np.full((3, WINDOW_NIGHTS), 35.0)
    told = found(flat)
    assert (told.change_db, told.holds) == (0.0, False)
    flat[0, 50:] -= 3.0
    assert found(flat).holds
    assert found(flat).since == FIRST + timedelta(days=50)
