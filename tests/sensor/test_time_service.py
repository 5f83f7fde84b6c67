"""What the node says of its clock, by a real chrony that follows another one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from msgspec import UNSET

from sensor.contract.messages import TimeSource
from sensor.time_service import CHRONYC, ClockState, clock_state, kernel_clock, tracked
from tests.peers import free_port, wait_for

CHRONYD = shutil.which("chronyd", path=os.environ["PATH"] + ":/usr/sbin")

# Without control of the clock, and without root: the time server of 127.0.0.1 and who follows it.
SERVER = """
port {port}
bindaddress 127.0.0.1
local stratum 3
allow 127.0.0.1
bindcmdaddress /
cmdport 0
pidfile {folder}/server.pid
"""
# An offset of what is measured: as if its own clock were a quarter of a second slow.
CLIENT = """
server 127.0.0.1 port {port} minpoll -4 maxpoll -4 iburst offset 0.25
port 0
cmdport {command_port}
bindcmdaddress /
bindcmdaddress 127.0.0.1
pidfile {folder}/client.pid
"""


def at(port: int) -> tuple[str, ...]:
    """The question to the chrony that listens there."""
    *program, command = CHRONYC
    return (*program, "-h", "127.0.0.1", "-p", str(port), command)


@pytest.fixture
def chrony(tmp_path: Path) -> Iterator[tuple[str, ...]]:
    """The question to a chrony that follows another one."""
    if CHRONYD is None:
        assert os.environ.get("CI") != "true", "chrony is not installed"
        pytest.skip("needs the package chrony")
    port, command_port = free_port(), free_port()
    with ExitStack() as running:
        for name, text in (("server", SERVER), ("client", CLIENT)):
            path = tmp_path / f"{name}.conf"
            path.write_text(text.format(port=port, command_port=command_port, folder=tmp_path))
            process = running.enter_context(
                subprocess.Popen(
                    [CHRONYD, "-x", "-d", "-U", "-f", path],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
            running.callback(process.terminate)
        yield at(command_port)


def test_it_tells_whom_the_clock_follows_and_how_far_it_is_off(chrony: tuple[str, ...]) -> None:
    wait_for(lambda: clock_state(chrony).source is not UNSET, 60, "chrony follows nobody")
    state = clock_state(chrony)
    assert isinstance(state.source, TimeSource)
    assert (state.synchronised, state.source.server, state.source.stratum) == (True, "127.0.0.1", 4)
    assert state.offset_s is not None
    assert state.offset_s == pytest.approx(0.25, abs=0.1)
    # What it is off is part of what it may be off.
    assert state.source.error_s >= abs(state.offset_s)
    assert state.source.age_s < 60


def test_without_chrony_the_kernel_is_asked() -> None:
    for command in (at(free_port()), ("no-such-program",), (sys.executable, "-c", "print('6,6')")):
        state = clock_state(command)
        assert state.source is UNSET
        assert state.synchronised == kernel_clock().synchronised


@pytest.mark.parametrize(
    "line",
    [
        "00000000,,0,0.0,0.0,0.0,0.0,-6.871,0.0,0.0,1.0,1.0,0.0,Not synchronised\n",
        # Told to be a server although it has none itself.
        "7F7F0101,,3,1795848676.7,0.0,0.0,0.0,-6.871,0.0,0.0,0.0,0.0,0.0,Normal\n",
    ],
)
def test_a_chrony_that_follows_nobody_knows_no_offset(line: str) -> None:
    assert tracked(line, 1e9) == ClockState(synchronised=False)


def test_all_that_is_uncertain_is_added_up() -> None:
    line = (
        "C23ACF2D,194.58.207.45,2,1795848676.710162320,-0.001000000,0.1,0.1,-0.234,0.005,0.224,"
        "0.004000000,0.000500000,64.0,Normal"
    )
    state = tracked(line, 1795848686.71)
    source = TimeSource(server="194.58.207.45", stratum=2, error_s=0.0035, age_s=10.0)
    assert state == ClockState(synchronised=True, offset_s=-0.001, source=source)


@pytest.mark.parametrize("line", ["", "506 Cannot talk to daemon", "a," * 13 + "Normal"])
def test_anything_else_is_no_tracking(line: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        tracked(line, 0.0)
