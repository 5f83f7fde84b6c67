"""The microphone, through the real PortAudio: ALSA's devices without hardware, a sound server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sensor.inputs.sound_card import (
    HARDWARE,
    NULL,
    PULSE,
    PULSE_PLUGIN,
    PULSEAUDIO,
    ROOT,
    STEREO,
    SoundServer,
    alsa,
    run,
)

OPEN = """
try:
    open_input(MicrophoneConfig({settings}))
except InputError as error:
    print(error)
"""

LISTEN = """
import json, time
source = open_input(MicrophoneConfig(device="{device}"))
with source:
    for number, block in enumerate(source.blocks()):
        peak_pa = float(abs(block.pressure_pa).max())
        row = [block.start_frame, block.frames, block.gap, source.state, peak_pa]
        print(json.dumps([*row, time.monotonic()]))
        time.sleep({pause_s} if number == 0 else 0)
        if number == {last}:
            source.stop()
print(json.dumps(source.overflows))
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SoundServer]:
    """A running sound server."""
    if PULSEAUDIO is None or PULSE_PLUGIN is None:
        pytest.skip("needs the packages pulseaudio and libasound2-plugins")
    with SoundServer(tmp_path) as running:
        yield running


def test_without_portaudio_it_says_what_to_install() -> None:
    hide = "import ctypes.util\nctypes.util.find_library = lambda name: None\n"
    text = run(hide + OPEN.format(settings=""), dict(os.environ))
    assert text.count("\n") == 1
    assert "libportaudio2" in text


def test_without_the_package_it_says_what_to_install() -> None:
    hide = "import sys\nsys.modules['sounddevice'] = None\n"
    assert "skolro[sensor]" in run(hide + OPEN.format(settings=""), dict(os.environ))


@pytest.mark.skipif(HARDWARE, reason="this machine has a sound card")
def test_without_a_sound_card_it_says_so(tmp_path: Path) -> None:
    text = run(OPEN.format(settings=""), alsa(tmp_path))
    assert text.count("\n") == 1
    assert "no sound card" in text


def test_an_unknown_device_is_answered_with_those_there_are(tmp_path: Path) -> None:
    devices = [NULL.format(name=name) for name in ("schoolyard", "gate")]
    text = run(OPEN.format(settings="device='roof'"), alsa(tmp_path, *devices))
    assert text.count("\n") == 1
    assert all(name in text for name in ("'roof'", "schoolyard", "gate"))


def test_a_name_of_several_devices_is_refused(tmp_path: Path) -> None:
    devices = [NULL.format(name=name) for name in ("gate-north", "gate-south")]
    text = run(OPEN.format(settings="device='gate-'"), alsa(tmp_path, *devices))
    assert "more than one" in text


def test_too_many_channels_are_refused(tmp_path: Path) -> None:
    environment = alsa(tmp_path, STEREO.format(name="pair"))
    text = run(OPEN.format(settings="device='pair', channels=8"), environment)
    assert text.count("\n") == 1
    assert "pair cannot record 8 channel(s)" in text


def test_a_flood_is_dropped_counted_and_marked(tmp_path: Path) -> None:
    # ALSA's null device gives sound as fast as the machine can, and this reader rests at first:
    # hundreds of times what the queue holds would pass in that time.
    environment = alsa(tmp_path, NULL.format(name="flood"))
    lines = run(LISTEN.format(device="flood", last=400, pause_s=3), environment).splitlines()
    blocks, overflows = [json.loads(line) for line in lines[:-1]], json.loads(lines[-1])
    end = 0
    for start_frame, frames, gap, *_ in blocks:
        assert gap == (start_frame > end)
        assert start_frame >= end
        end = start_frame + frames
    assert overflows > 0
    assert any(block[2] for block in blocks)


def test_sound_arrives_with_its_level(tmp_path: Path, server: SoundServer) -> None:
    environment = alsa(tmp_path, PULSE.format(name="tone", socket=server.socket))
    lines = run(LISTEN.format(device="tone", last=20, pause_s=0), environment).splitlines()
    blocks = [json.loads(line) for line in lines[:-1]]
    assert len(blocks) == 21
    assert {block[1] for block in blocks} == {4800}
    # Half of full scale, which is 28.2 Pa by default.
    assert blocks[-1][4] == pytest.approx(14.1, rel=0.01)


def test_a_device_that_is_lost_comes_back_after_a_gap(tmp_path: Path, server: SoundServer) -> None:
    environment = alsa(tmp_path, PULSE.format(name="tone", socket=server.socket))
    program = "from sensor.inputs import *\n" + LISTEN.format(device="tone", last=-1, pause_s=0)
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            before = [json.loads(process.stdout.readline()) for _ in range(10)]
            server.kill()
            # Told once, when it is missed.
            while "is gone" not in process.stderr.readline():
                pass
            server.start()
            after = next(block for line in process.stdout if (block := json.loads(line))[2])
        finally:
            process.kill()
    start_frame, _, _, state, peak_pa, at_s = after
    assert state == "ok"
    assert peak_pa > 0.0
    # The count of frames has gone on with the clock.
    away_s = (start_frame - before[-1][0]) / 48_000
    assert away_s == pytest.approx(at_s - before[-1][5], abs=0.5)
