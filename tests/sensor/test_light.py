"""The light, in a folder that looks like one of ``/sys/class/leds``."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sensor.errors import LightError
from sensor.light import PATTERNS, Condition, Light
from tests.peers import wait_for


@pytest.fixture
def led(tmp_path: Path) -> Path:
    """A light that the card's accesses lead."""
    folder = tmp_path / "ACT"
    folder.mkdir()
    (folder / "max_brightness").write_text("255\n")
    (folder / "brightness").write_text("0\n")
    (folder / "trigger").write_text("none timer [mmc0] heartbeat\n")
    return folder


@pytest.fixture
def watched(led: Path) -> Iterator[int]:
    """What is written to its brightness, as a pipe that keeps it."""
    (led / "brightness").unlink()
    os.mkfifo(led / "brightness")
    pipe = os.open(led / "brightness", os.O_RDWR | os.O_NONBLOCK)
    yield pipe
    os.close(pipe)


def test_it_blinks_as_the_node_is_and_is_then_as_it_was(led: Path, watched: int) -> None:
    conditions: list[Condition] = ["no_network", "fault", "fault", "fault"]
    told: list[Condition] = []

    def condition() -> Condition:
        told.append(conditions[min(len(told), len(conditions) - 1)])
        return told[-1]

    with Light(led, condition):
        assert (led / "trigger").read_text() == "none"
        wait_for(lambda: len(told) > len(conditions), 60, "it does not blink")
    # One flash a pair of the pattern; the last may have been cut short, and all ends dark.
    flashes = sum(len(PATTERNS[one]) for one in told[:-1])
    seen = os.read(watched, 65_536).decode()
    assert seen.removesuffix("0").startswith("2550" * flashes)
    assert set(seen.replace("255", "|").strip("0|")) <= {"0", "|"}
    assert seen.endswith("00")
    assert (led / "trigger").read_text() == "mmc0"


def test_conditions_look_different() -> None:
    assert len(set(PATTERNS.values())) == len(PATTERNS)
    # Nobody on a ladder waits longer for a sign of life.
    assert all(off_s <= 3 for pattern in PATTERNS.values() for _, off_s in pattern)


def test_without_such_a_light_it_names_those_there_are(led: Path) -> None:
    with pytest.raises(LightError, match=r"the light PWR cannot be used .* one of ACT, or leave"):
        Light(led.with_name("PWR"), lambda: "measuring")


def test_a_light_that_goes_away_does_no_harm(led: Path) -> None:
    with Light(led, lambda: "fault") as light:
        shutil.rmtree(led)
        wait_for(lambda: not light._thread.is_alive(), 60, "it blinks on")
    assert not led.exists()
