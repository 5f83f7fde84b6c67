"""Laws that every input of sound keeps."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
import typing
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile

from sensor.inputs import INPUTS, InputConfig, RecordingConfig, StreetConfig, open_input
from tests.sensor.inputs.streams import RATE, played, tone_pa

ROOT = Path(__file__).parents[3]


@pytest.fixture(params=["recording", "street"])
def endless(request: pytest.FixtureRequest, tmp_path: Path) -> RecordingConfig | StreetConfig:
    """An input that would go on for ever, in real time."""
    if request.param == "street":
        return StreetConfig()
    soundfile.write(tmp_path / "tone.wav", tone_pa(80.0, 0.5), RATE)
    return RecordingConfig(path=str(tmp_path / "tone.wav"), repeat=True)


def test_every_kind_of_configuration_has_its_input() -> None:
    kinds = {config.__struct_config__.tag for config in typing.get_args(InputConfig)}
    assert kinds == set(INPUTS)


@pytest.mark.parametrize("kind", sorted(INPUTS))
def test_a_kind_is_chosen_by_its_name(kind: str) -> None:
    table = {"kind": kind, "path": "x.wav"} if kind == "recording" else {"kind": kind}
    config: InputConfig = msgspec.convert(table, InputConfig)
    assert config.__struct_config__.tag == kind
    assert config.block_s == 0.1


@pytest.mark.parametrize(
    "table",
    [
        {"kind": "radio"},
        {"kind": "street", "seeds": 1},
        {"kind": "street", "channels": 3},
        {"kind": "street", "events": ["aeroplane"]},
        {"kind": "street", "sample_rate": 8000},
        {"kind": "microphone", "full_scale_pa": 0.0},
        {"kind": "microphone", "block_s": 60.0},
        {"kind": "recording"},
        {"kind": "recording", "path": "x.wav", "full_scale_pa": 1.0, "laeq_db": 70.0},
    ],
)
def test_a_wrong_configuration_is_refused(table: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(table, InputConfig)


def test_stopping_from_another_thread_ends_the_blocks(
    endless: RecordingConfig | StreetConfig,
) -> None:
    with open_input(endless) as source:
        timer = threading.Timer(0.3, source.stop)
        timer.start()
        frames = sum(block.frames for block in source.blocks())
        timer.join()
    assert 0 < frames < 30 * source.sample_rate


def test_stopped_before_it_began_it_gives_nothing(endless: RecordingConfig | StreetConfig) -> None:
    with open_input(endless) as source:
        source.stop()
        assert list(source.blocks()) == []


def test_stopping_from_a_signal_handler_ends_the_blocks() -> None:
    program = (
        "import signal; from sensor.inputs import *\n"
        "with open_input(StreetConfig()) as source:\n"
        "    signal.signal(signal.SIGTERM, lambda *_: source.stop())\n"
        "    for block in source.blocks():\n"
        "        print(block.frames, flush=True)\n"
        "print('ended')\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        assert process.wait(timeout=30) == 0
    assert rest.endswith("ended\n")


def test_real_time_is_not_faster_than_time(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone_pa(80.0, 0.5), RATE)
    start_s = time.monotonic()
    sound = played(open_input(RecordingConfig(path=str(path))))
    assert time.monotonic() - start_s >= 0.5
    assert np.ptp(sound) > 0.0
