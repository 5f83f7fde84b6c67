"""What a unit forbids is forbidden in the tests, too."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys

import pytest

from tests.deploy import confined

# Python has no name of its own for what today's C libraries make of this: clock_adjtime.
ASKS = "import ctypes; ctypes.CDLL('libc.so.6').adjtimex(ctypes.create_string_buffer(512))"


@pytest.fixture(autouse=True)
def possible() -> None:
    """Where the kernel takes no filter, nobody can install one."""
    missing = shutil.which("systemd-analyze") is None
    if confined.why_not() and not (missing and os.environ.get("CI") == "true"):
        pytest.skip(f"nothing can be confined here: {confined.why_not()}")


@pytest.mark.parametrize(
    ("unit", "ending"), [("skolro-sensor", 0), ("skolro-collector", -signal.SIGSYS)]
)
def test_only_a_node_may_ask_how_its_clock_is_kept(unit: str, ending: int) -> None:
    command = [*confined.guard(unit), sys.executable, "-c", ASKS]
    assert subprocess.run(command, check=False).returncode == ending


def test_what_a_unit_takes_away_is_gone() -> None:
    usual = confined.allowed_calls(confined.UNITS / "skolro-collector.service")
    narrow = confined.allowed_calls(confined.UNITS / "skolro-reload.service")
    assert {"read", "write", "setuid", "execve"} <= usual
    assert "reboot" not in usual
    assert narrow < usual
    assert "setuid" not in narrow
