from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sensor.commissioning.taps import Nearest, TapFinder
from sensor.contract.commissioning import Tap
from tests.sensor.commissioning.sounds import RATE, blocks, quiet, with_tap


def found(sound: NDArray[np.float64], asked: Nearest = 0) -> Tap | None:
    finder = TapFinder(RATE, asked)
    return next((tap for block in blocks(sound) if (tap := finder.process(block))), None)


@pytest.mark.parametrize("nearest", [0, 1])
@pytest.mark.parametrize("at_s", [1.0, 1.0493, 1.0999])
def test_a_tap_is_told_by_level_and_by_time(nearest: Nearest, at_s: float) -> None:
    tap = found(with_tap(quiet(2), at_s, nearest), asked=0)
    assert tap is not None
    assert tap.nearest == nearest
    assert tap.level_difference_db == pytest.approx(9.1 if nearest else -9.1, abs=0.5)
    assert tap.delay_ms == pytest.approx(-0.88 if nearest else 0.88, abs=0.05)


def test_a_clap_as_loud_in_both_is_told_by_time_alone() -> None:
    tap = found(with_tap(quiet(2), 1.0, 1, other=0.9))
    assert tap is not None
    assert abs(tap.level_difference_db) < 3
    assert tap.nearest == 1


def test_a_tap_that_only_one_microphone_hears_is_told_by_level_alone() -> None:
    # A finger on the housing: the other hears nothing of it.
    tap = found(with_tap(quiet(2), 1.0, 0, other=0.0))
    assert tap is not None
    assert tap.delay_ms is None
    assert tap.nearest == 0


def test_level_and_time_that_contradict_each_other_tell_nothing() -> None:
    # Louder in the microphone that hears it later, as when one of them is not what it should be.
    tap = found(with_tap(quiet(2), 1.0, 0, other=3.0))
    assert tap is not None
    assert tap.nearest is None


def test_a_quiet_street_and_one_that_is_loud_all_the_time_are_no_taps() -> None:
    assert found(quiet(3)) is None
    assert found(quiet(3, level_pa=0.3)) is None


def test_sound_that_is_missing_begins_the_quiet_anew() -> None:
    finder = TapFinder(RATE, 0)
    sound = with_tap(quiet(2), 1.0, 0)
    early = list(blocks(sound))[:9]
    for block in early:
        assert finder.process(block) is None
    # The tap comes right after the gap: nothing to compare it with.
    after = list(blocks(sound[RATE:], first_frame=3 * RATE))
    assert all(finder.process(block) is None for block in after[:1])
