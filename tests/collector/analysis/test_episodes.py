"""What makes an episode, what does not, and that a second node or the order changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.analysis.episodes import Episode, Heard, episodes, passes, with_routes

START = datetime(2026, 11, 6, 19, 0, tzinfo=UTC)


def heard(at_s: float, node: str = "a", **changes: Any) -> Heard:
    """A car that passes, so many seconds after the start."""
    values: dict[str, Any] = {
        "node": node, "id": f"{node} {at_s}", "start": START + timedelta(seconds=at_s),
        "duration_s": 4.0, "lafmax_db": 80.0, "source": "car", "speed_kmh": 40.0,
        "speed_low_kmh": 37.0, "speed_high_kmh": 43.0, "direction": 1, "speed_refused": None,
    }  # fmt: skip
    return Heard(**{**values, **changes})


def standing(at_s: float, duration_s: float) -> Heard:
    """A vehicle that revs where it stands."""
    return heard(
        at_s, duration_s=duration_s, speed_kmh=None, direction=None, speed_refused="stationary"
    )


def found(events: Sequence[Heard]) -> list[Episode]:
    """The episodes that events make."""
    return episodes(passes(events))


def codes(events: Sequence[Heard]) -> list[str]:
    """The reasons of the only episode; empty where there is none."""
    made = found(events)
    return [reason.code for one in made for reason in one.reasons]


def test_an_ordinary_pass_is_no_episode() -> None:
    assert found([heard(0)]) == []
    assert found([heard(0), heard(500), heard(1000), heard(1500)]) == []


def test_five_passes_within_minutes_are_one() -> None:
    (one,) = found([heard(100.0 * lap, lafmax_db=80.0 + lap) for lap in range(6)])
    assert (one.start, one.passes, one.lafmax_db, one.speed_kmh) == (START, 6, 85.0, 40.0)
    assert one.end == START + timedelta(seconds=504)
    (reason,) = one.reasons
    assert (reason.code, reason.numbers) == (
        "repeated_passes",
        {"visits": 6.0, "within_minutes": 8.3},
    )


def test_four_laps_are_not_enough_by_themselves() -> None:
    assert found([heard(100.0 * lap) for lap in range(4)]) == []


def test_back_and_forth_needs_fewer() -> None:
    events = [heard(90.0 * lap, direction=1 if lap % 2 else -1) for lap in range(3)]
    assert codes(events) == ["both_directions"]
    (one,) = found(events)
    assert one.reasons[0].numbers == {"turns": 2.0}


def test_vehicles_that_meet_do_not_turn() -> None:
    events = [heard(120.0 * i + j * 5, direction=1 - 2 * j) for i in range(3) for j in range(2)]
    assert "both_directions" not in codes([event for event in events if event.direction == 1])
    assert "several_vehicles" not in codes(events)


def test_a_queue_that_comes_once_is_none() -> None:
    assert found([heard(6.0 * car) for car in range(7)]) == []


def test_a_queue_that_comes_back_is_one() -> None:
    events = [heard(150.0 * lap + 9.0 * car) for lap in range(3) for car in range(3)]
    (one,) = found(events)
    assert one.passes == 9
    assert one.reasons[0].numbers == {"vehicles": 3.0, "times": 3.0}


def test_revving_twice_where_it_stands_is_one() -> None:
    assert codes([standing(0, 20), standing(60, 15)]) == ["revving"]
    assert found([standing(0, 300)]) == []
    assert found([standing(0, 5), standing(60, 6)]) == []


def test_buses_make_none() -> None:
    assert found([heard(100.0 * lap, source="heavy_vehicle") for lap in range(8)]) == []


@pytest.mark.parametrize("source", ["voices", "bell", "tool", "music"])
def test_other_sounds_are_no_passes(source: str) -> None:
    assert passes([heard(0, source=source)]) == []


def test_unsure_passes_count_apart_unless_their_speed_was_measured() -> None:
    unsure: dict[str, Any] = {
        "source": "unclassified",
        "speed_kmh": None,
        "speed_refused": "too_quiet",
    }
    events = [heard(100.0 * lap) for lap in range(5)] + [heard(150, **unsure)]
    (one,) = found(events)
    assert (one.passes, one.unconfirmed) == (5, 1)
    assert found([heard(100.0 * lap, **unsure) for lap in range(9)]) == []
    assert len(found([heard(100.0 * lap, source="unclassified") for lap in range(5)])) == 1


def laps(begin_s: float, count: int) -> list[Heard]:
    """A vehicle that comes round every minute and a half."""
    return [heard(begin_s + 90.0 * lap) for lap in range(count)]


def at_s(one: Episode) -> tuple[float, float]:
    """From when to when, in seconds after the start."""
    return (one.start - START).total_seconds(), (one.end - START).total_seconds()


def test_two_that_follow_closely_are_told_apart() -> None:
    events = laps(0, 5) + laps(360 + 240, 6)
    assert [(at_s(one), one.passes) for one in found(events)] == [((0, 364), 5), ((600, 1054), 6)]
    assert found(events) == found(laps(0, 5)) + found(laps(600, 6))


def test_what_is_none_by_itself_is_cut_from_nothing() -> None:
    (one,) = found(laps(0, 5) + laps(600, 4))
    assert one.passes == 9
    (one,) = found(laps(0, 4) + laps(270 + 200, 4))
    assert one.passes == 8


def test_three_minutes_are_no_pause() -> None:
    (one,) = found(laps(0, 5) + laps(364 + 180, 5))
    assert one.passes == 10
    assert len(found(laps(0, 5) + laps(364 + 181, 5))) == 2


def test_what_lies_between_stays_with_the_nearer() -> None:
    before, after = found([*laps(0, 5), heard(364 + 200), *laps(364 + 204 + 220, 5)])
    assert (before.passes, after.passes) == (6, 5)
    before, after = found([*laps(0, 5), heard(364 + 220), *laps(364 + 224 + 200, 5)])
    assert (before.passes, after.passes) == (5, 6)


def test_a_second_node_adds_no_passes() -> None:
    first = [heard(100.0 * lap) for lap in range(5)]
    # The other one looks at the road from its other side.
    second = [heard(100.0 * lap + 6, node="b", direction=-1) for lap in range(5)]
    (alone,), (both,) = found(first), found([*second, *first])
    assert (both.passes, both.start, both.reasons) == (alone.passes, alone.start, alone.reasons)


def test_each_node_hears_a_queue_in_its_own_order() -> None:
    events = [heard(4.0 * car, node=node) for car in range(3) for node in ("a", "b")]
    assert [len(one.heard) for one in passes(events)] == [2, 2, 2]


def test_an_event_that_came_twice_counts_once() -> None:
    again = heard(0, lafmax_db=90.0)
    (one,) = passes([heard(0), again])
    assert one.lafmax_db == 90.0


def test_the_surest_speed_of_a_pass_counts() -> None:
    sure = heard(3, node="b", speed_kmh=50.0, speed_low_kmh=49.0, speed_high_kmh=51.0)
    (one,) = passes([heard(0), sure])
    assert one.clocked == sure


def test_episodes_at_neighbouring_sites_in_turn_are_told() -> None:
    here = found([heard(100.0 * lap) for lap in range(5)])
    later = found([heard(600 + 100.0 * lap) for lap in range(5)])
    much_later = found([heard(6000 + 100.0 * lap) for lap in range(5)])
    near = {"x": ["y", "z"], "y": ["x"], "z": ["x"]}
    told = with_routes({"x": here, "y": later, "z": much_later}, near)
    last = told["x"][0].reasons[-1]
    assert (last.code, last.sites) == ("neighbouring_sites", ("y",))
    assert last.numbers == {"sites": 2.0, "within_minutes": 10.0}
    assert told["y"][0].reasons[-1].sites == ("x",)
    assert told["z"] == much_later
    assert with_routes({"x": here, "y": later}, {})["x"] == here


times = st.lists(st.integers(0, 7200), min_size=1, max_size=40, unique=True)


@settings(deadline=None, max_examples=60)
@given(times, st.randoms(use_true_random=False))
def test_the_order_of_events_does_not_matter(seconds: list[int], chance: Any) -> None:
    events = [heard(at, node="ab"[at % 2], direction=1 - 2 * (at % 3 == 0)) for at in seconds]
    shuffled = list(events)
    chance.shuffle(shuffled)
    assert passes(shuffled) == passes(events)
    assert found(shuffled) == found(events)


@settings(deadline=None, max_examples=60)
@given(times)
def test_every_event_is_in_one_pass_and_no_episodes_overlap(seconds: list[int]) -> None:
    events = [heard(at, node="ab"[at % 2]) for at in seconds]
    made = passes(events)
    assert sorted(event.id for one in made for event in one.heard) == sorted(e.id for e in events)
    assert all(len({event.node for event in one.heard}) == len(one.heard) for one in made)
    spans = [(one.start, one.end) for one in episodes(made)]
    assert all(end < start for (_, end), (start, _) in pairwise(spans))
    assert all(one.reasons and one.passes >= 2 for one in episodes(made))


@settings(deadline=None, max_examples=40)
@given(times, times)
def test_what_is_far_away_changes_nothing(here: list[int], there: list[int]) -> None:
    near = [heard(at) for at in here]
    far = [heard(20_000 + at) for at in there]
    assert found([*near, *far]) == [*found(near), *found(far)]
