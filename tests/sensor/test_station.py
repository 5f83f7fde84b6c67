from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from sensor.calibrated import Calibrated
from sensor.clock import Clocks
from sensor.config import NodeConfig
from sensor.contract import codec
from sensor.contract.messages import Event, Flag, LevelBatch, Live, Message
from sensor.inputs import Input, InputConfig, RecordingConfig, StreetConfig, open_input
from sensor.station import Station

RATE = 48_000
NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


class Kept:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.live: list[Live] = []

    def store(self, message: Message) -> None:
        codec.encode(message)
        self.messages.append(message)

    def show(self, live: Live) -> None:
        self.live.append(live)

    @property
    def events(self) -> list[Event]:
        return [message for message in self.messages if isinstance(message, Event)]

    @property
    def batches(self) -> list[LevelBatch]:
        return [message for message in self.messages if isinstance(message, LevelBatch)]


def measured(source: InputConfig, stop_after_s: float | None = None) -> Kept:
    """Everything that a station makes of a source."""
    kept = Kept()
    config = NodeConfig(node="ekskolan-1", input=source)
    with open_input(source) as opened:
        station = Station(config, opened, kept, clocks=Clocks(now=lambda: NOW))
        for block in opened.blocks():
            station.process(block)
            if stop_after_s is not None and block.end_frame >= stop_after_s * RATE:
                break
        station.finish()
    return kept


def recording(path: Path, bursts_db: list[float], *, end_s: float = 8.0) -> RecordingConfig:
    """A file with a burst of 2 s of a 1 kHz tone at 4 s in each stretch of 8 s."""
    sound = 2e-4 * np.random.default_rng(1).standard_normal(8 * RATE * len(bursts_db))
    tone = np.sqrt(2) * np.sin(2 * np.pi * 1000 * np.arange(2 * RATE) / RATE)
    for number, level_db in enumerate(bursts_db):
        start = (8 * number + 4) * RATE
        sound[start : start + len(tone)] += 20e-6 * 10 ** (level_db / 20) * tone
    sound = sound[: round((8 * (len(bursts_db) - 1) + end_s) * RATE)]
    soundfile.write(path, sound / 20, RATE, subtype="FLOAT")
    return RecordingConfig(path=str(path), full_scale_pa=20.0, real_time=False)


def test_bursts_become_events_with_level_spectrum_and_trace(tmp_path: Path) -> None:
    kept = measured(recording(tmp_path / "bursts.wav", [84.0, 94.0]))
    assert [event.lafmax_db for event in kept.events] == pytest.approx([84.0, 94.0], abs=0.1)
    for event, start_s in zip(kept.events, (4, 12), strict=True):
        assert 0 <= start_s - (event.start - NOW).total_seconds() <= 1
        assert event.speed_refused == "not_configured"
        assert event.source.kind == "unclassified"
        assert event.bands_db is not None
        assert max(event.bands_db, key=lambda name: (event.bands_db or {})[name] or 0) == "1000"
        assert max(level or 0 for level in event.trace_lafmax_db) == event.lafmax_db
        assert event.lae_db == pytest.approx(event.lafmax_db + 3, abs=0.3)


def test_every_second_is_in_exactly_one_batch_and_shown_once(tmp_path: Path) -> None:
    kept = measured(recording(tmp_path / "bursts.wav", [60.0] * 9))
    levels = [level for batch in kept.batches for level in batch.laeq_db]
    assert len(levels) == 72
    assert None not in levels
    assert len(kept.live) == 72
    assert [len(batch.laeq_db) for batch in kept.batches] == [60, 12]


def test_an_event_that_goes_on_when_the_sound_ends_is_kept_and_flagged(tmp_path: Path) -> None:
    kept = measured(recording(tmp_path / "cut.wav", [84.0], end_s=5.5))
    (event,) = kept.events
    assert "cut" in event.flags


def test_overload_is_flagged_and_leaves_no_speed(tmp_path: Path) -> None:
    config = recording(tmp_path / "loud.wav", [94.0])
    sound, _ = soundfile.read(config.path)
    soundfile.write(config.path, np.clip(sound * 40, -1, 1), RATE, subtype="FLOAT")
    (event,) = measured(config).events
    assert "overload" in event.flags


def test_a_dead_microphone_raises_an_alarm_within_two_minutes_and_has_no_levels(
    tmp_path: Path,
) -> None:
    sound = 2e-3 * np.random.default_rng(1).standard_normal(180 * 16_000)
    sound[60 * 16_000 :] = 0.0
    soundfile.write(tmp_path / "dead.wav", sound, 16_000, subtype="FLOAT")
    source = RecordingConfig(path=str(tmp_path / "dead.wav"), full_scale_pa=1.0, real_time=False)
    kept = Kept()
    alarms: list[float] = []
    with open_input(source) as opened:
        config = NodeConfig(node="ekskolan-1", input=source)
        station = Station(
            config,
            opened,
            kept,
            clocks=Clocks(now=lambda: NOW),
            alarm=lambda: alarms.append(heard_s),
        )
        for block in opened.blocks():
            heard_s = block.end_frame / 16_000
            station.process(block)
        station.finish()
    assert station.microphone != "ok"
    assert 60 < alarms[0] <= 180
    lowest_db = station.take_lowest_laeq_db()
    assert lowest_db is not None
    assert lowest_db < 20.0
    assert station.take_lowest_laeq_db() is None
    levels = [level for batch in kept.batches for level in batch.laeq_db]
    assert None not in levels[:60]
    assert set(levels[62:]) == {None}
    assert "microphone_fault" in kept.batches[-1].flags


def test_a_calibration_is_applied_and_its_state_flagged(tmp_path: Path) -> None:
    source = recording(tmp_path / "quiet.wav", [80.0])
    kept = Kept()
    with open_input(source) as opened:
        station = Station(
            NodeConfig(node="ekskolan-1", input=source), opened, kept,
            clocks=Clocks(now=lambda: NOW),
            microphone=Calibrated(sensitivity=2.0, flags=frozenset({"calibration_due"})),
        )  # fmt: skip
        for block in opened.blocks():
            station.process(block)
        station.finish()
    assert [event.lafmax_db for event in kept.events] == pytest.approx([86.0], abs=0.1)
    assert all("calibration_due" in message.flags for message in kept.messages)


@pytest.mark.parametrize("flag", ["simulated"])
def test_what_never_happened_says_so_in_every_message(flag: Flag) -> None:
    kept = measured(StreetConfig(seed=3, duration_s=70, event_interval_s=10, real_time=False))
    assert kept.events
    assert all(flag in message.flags for message in kept.messages)
    assert all(flag in live.flags for live in kept.live)


class Now:
    """A recording as though it were heard now, by a microphone."""

    real_time, simulated = True, False

    def __init__(self, recording: Input) -> None:
        self._recording = recording

    def __getattr__(self, name: str) -> Any:
        return getattr(self._recording, name)


def quiet(path: Path, seconds: int) -> RecordingConfig:
    """A file of faint noise."""
    sound = 2e-3 * np.random.default_rng(1).standard_normal(seconds * 16_000)
    soundfile.write(path, sound, 16_000, subtype="FLOAT")
    return RecordingConfig(path=str(path), full_scale_pa=1.0, real_time=False)


@pytest.mark.parametrize(
    ("begin", "step_s"),
    [
        (NOW, 3600.0),
        (NOW, -3600.0),
        (NOW, 2.0),
        (
            datetime(1970, 1, 1, 0, 0, 20, tzinfo=UTC),
            (NOW - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds(),
        ),
        (NOW, 40 * 365 * 86_400.0),
    ],
    ids=["forward", "back", "a little", "from 1970", "to 2066"],
)
def test_a_clock_that_is_set_is_followed_at_once_and_flagged(
    tmp_path: Path, begin: datetime, step_s: float
) -> None:
    step_at_s = 40.0
    kept = Kept()
    config = quiet(tmp_path / "quiet.wav", 75)
    with open_input(config) as sound:
        heard_s = 0.0

        def now() -> datetime:
            set_by_s = step_s if heard_s >= step_at_s else 0.0
            return begin + timedelta(seconds=heard_s + set_by_s)

        clocks = Clocks(
            now=now, boot_s=lambda: 100 + heard_s, synchronised=lambda: heard_s > step_at_s
        )
        node = NodeConfig(node="ekskolan-1", input=config)
        station = Station(node, Now(sound), kept, clocks=clocks)
        for block in sound.blocks():
            heard_s = block.end_frame / block.sample_rate
            station.process(block)
        station.finish()
    steps = [live for live in kept.live if "clock_step" in live.flags]
    assert len(steps) == 1
    # Each second is where the wall clock was when it was heard.
    for i, live in enumerate(kept.live):
        if i < 39 or i > 41:
            expected = begin + timedelta(seconds=i + (step_s if i > 41 else 0.0))
            assert abs((live.time - expected).total_seconds()) < 1.1, i
    unsure = ["clock_unsure" in live.flags for live in kept.live]
    assert unsure[:39] == [True] * 39
    assert unsure[42:] == [False] * len(unsure[42:])
    seconds = sum(len(batch.laeq_db) for batch in kept.batches)
    assert seconds == len(kept.live)
    assert sum("clock_step" in batch.flags for batch in kept.batches) == 1


def test_a_clock_that_nobody_has_set_is_unsure_even_if_it_says_otherwise(tmp_path: Path) -> None:
    config = quiet(tmp_path / "quiet.wav", 5)
    kept = Kept()
    with open_input(config) as sound:
        begin = datetime(1970, 1, 1, tzinfo=UTC)
        heard_s = 0.0
        clocks = Clocks(
            now=lambda: begin + timedelta(seconds=heard_s),
            boot_s=lambda: heard_s,
            synchronised=lambda: True,
        )
        node = NodeConfig(node="ekskolan-1", input=config)
        station = Station(node, Now(sound), kept, clocks=clocks)
        for block in sound.blocks():
            heard_s = block.end_frame / block.sample_rate
            station.process(block)
        station.finish()
    assert all("clock_unsure" in live.flags for live in kept.live)
