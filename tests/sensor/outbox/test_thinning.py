from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import log10

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.contract import codec
from sensor.contract.messages import LevelBatch
from sensor.outbox.thinning import absent, can_be_thinned, thinned
from tests.peers import levels

START = datetime(2026, 11, 2, 7, 0, 0, 350_000, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NODE = "ekskolan-1"


def mean_db(values: list[float]) -> float:
    return 10 * log10(sum(10 ** (value / 10) for value in values) / len(values))


def test_an_hour_of_seconds_becomes_one_message_of_minutes() -> None:
    batches = [levels(NODE, START + i * MINUTE, 50.0 + i % 7) for i in range(60)]
    (minutes,) = thinned(batches)
    assert (minutes.start, minutes.interval_s, len(minutes.laeq_db)) == (START, 60, 60)
    assert minutes.laeq_db == tuple(50.0 + i % 7 for i in range(60))
    assert minutes.lafmax_db == tuple(56.0 + i % 7 for i in range(60))
    assert minutes.lceq_db == tuple(58.0 + i % 7 for i in range(60))
    assert minutes.flags == ("thinned",)
    assert codec.decode(codec.encode(minutes)) == minutes


def test_leq_is_a_mean_of_energy_and_lafmax_the_greatest() -> None:
    half = (50.0,) * 30 + (80.0,) * 30
    (minute,) = thinned([levels(NODE, START, lafmax_db=half, lceq_db=half)])
    assert minute.laeq_db == (50.0,)
    assert minute.lafmax_db == (80.0,)
    assert minute.lceq_db[0] == pytest.approx(mean_db(list(half)), abs=0.06)


def test_what_was_hardly_measured_is_missing() -> None:
    quiet = (50.0,) * 29 + (None,) * 31
    kept = (50.0,) * 30 + (None,) * 30
    for values, expected in ((quiet, None), (kept, 50.0)):
        batch = levels(NODE, START, laeq_db=None, lafmax_db=values, lceq_db=values, flags=("gap",))
        (minute,) = thinned([batch])
        assert (minute.laeq_db, minute.lafmax_db) == ((None,), (expected,))
        assert minute.flags == ("gap", "thinned")


def test_what_does_not_fit_together_stays_apart() -> None:
    first = levels(NODE, START, count=25)
    late = levels(NODE, START + 3 * MINUTE)
    later = levels(NODE, START + 4 * MINUTE)
    simulated = levels(NODE, START + 5 * MINUTE, flags=("simulated",))
    made = thinned([first, late, later, simulated])
    assert [(one.interval_s, len(one.laeq_db)) for one in made] == [(25, 1), (60, 2), (60, 1)]
    assert ["simulated" in one.flags for one in made] == [False, False, True]


def test_peak_and_spectrum_hold_for_the_whole() -> None:
    loud = levels(NODE, START, lcpeak_db=101.0, bands_db={"125": 70.0, "1000": None})
    quiet = levels(NODE, START + MINUTE, bands_db={"125": 60.0})
    (made,) = thinned([loud, quiet])
    assert made.lcpeak_db == 101.0
    assert made.bands_db == {"125": pytest.approx(mean_db([70.0, 60.0]), abs=0.06), "1000": None}


@settings(deadline=None, max_examples=30)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(1, 120), st.sampled_from([1, 2, 5, 10, 30])),
        min_size=1,
        max_size=20,
    )
)
def test_no_second_is_counted_twice_or_never(batches: list[tuple[int, int, int]]) -> None:
    made: list[LevelBatch] = []
    at = START
    for gap_min, count, interval_s in batches:
        at += gap_min * MINUTE
        made.append(levels(NODE, at, interval_s=interval_s, count=count))
        at += timedelta(seconds=interval_s * count)
    before = {
        batch.start + timedelta(seconds=second)
        for batch in made
        for second in range(batch.interval_s * len(batch.laeq_db))
    }
    after = [
        batch.start + timedelta(seconds=second)
        for batch in thinned(made)
        for second in range(batch.interval_s * len(batch.laeq_db))
    ]
    assert len(after) == len(before)
    assert set(after) == before


def test_minutes_are_not_thinned_again() -> None:
    (minutes,) = thinned([levels(NODE, START), levels(NODE, START + MINUTE)])
    assert not can_be_thinned(minutes)
    assert can_be_thinned(levels(NODE, START))


def test_numbers_are_told_in_stretches_with_their_hashes() -> None:
    told = absent([(3, "3" * 64), (4, "4" * 64), (7, "7" * 64)])
    assert [(part.first, part.last) for part in told] == [(3, 4), (7, 7)]
    assert told[0].sha256 == ("3" * 64, "4" * 64)
