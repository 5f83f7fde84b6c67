"""One thread goes first where that is allowed, and no other."""

from __future__ import annotations

import subprocess
import sys

import pytest

# In a process of its own: a limit cannot be raised again.
CODE = """
import os, resource, sys, threading
from sensor.inputs.urgency import take_precedence
try:
    resource.setrlimit(resource.RLIMIT_RTPRIO, (int(sys.argv[1]),) * 2)
except ValueError:
    sys.exit("not allowed to allow it")
def work():
    print(take_precedence(), os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK == os.SCHED_FIFO)
thread = threading.Thread(target=work)
thread.start()
thread.join()
print(os.sched_getscheduler(0) == os.SCHED_OTHER)
"""


def said(limit: int) -> list[str]:
    ended = subprocess.run(
        [sys.executable, "-c", CODE, str(limit)], capture_output=True, text=True, check=False
    )
    if "not allowed" in ended.stderr:
        pytest.skip("nobody may have real time here")
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.split()


def test_without_permission_everything_stays_as_it_is() -> None:
    assert said(0) == ["False", "False", "True"]


def test_with_permission_the_calling_thread_alone_goes_first() -> None:
    assert said(20) == ["True", "True", "True"]
