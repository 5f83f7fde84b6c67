"""Runs a program with the system calls that a unit allows, as systemd would run it.

``python tests/deploy/confined.py UNIT PROGRAM ARGUMENT...`` ends with SIGSYS at a call that the
unit forbids.  What systemd's groups of calls hold is asked of the installed systemd, and the filter
is made by libseccomp, which systemd uses, too.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
_SETTING = "SystemCallFilter="
_KILL_PROCESS, _ALLOW = 0x80000000, 0x7FFF0000


def guard(unit: str) -> list[str]:
    """What to put before a command so that it may do what that unit of ours may."""
    return [sys.executable, __file__, str(UNITS / f"{unit}.service")]


@cache
def why_not() -> str:
    """Why nothing can be confined here; empty where it can."""
    command = [*guard("skolro-sensor"), "/bin/true"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if ended.returncode == 0 else ended.stderr.strip().rpartition("\n")[2]


def allowed_calls(unit: Path) -> set[str]:
    """Names of the system calls that the service of `unit` may make."""
    groups = _groups()
    allowed = _expanded("@default", groups)
    for line in unit.read_text(encoding="utf-8").splitlines():
        if not line.startswith(_SETTING):
            continue
        told = line.removeprefix(_SETTING)
        named = set[str]().union(*(_expanded(one, groups) for one in told.lstrip("~").split()))
        allowed = allowed - named if told.startswith("~") else allowed | named
    return allowed


def confine(allowed: set[str]) -> None:
    """Let this process, and whatever it becomes, make these calls only.

    Raises
    ------
    OSError
        The kernel does not take the filter.
    """
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(_KILL_PROCESS)))
    for name in allowed:
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        # Below zero: this computer, or this library, has no such call.
        if number >= 0:
            _check(seccomp.seccomp_rule_add(context, ctypes.c_uint32(_ALLOW), number, 0))
    _check(seccomp.seccomp_load(context))


def _groups() -> dict[str, list[str]]:
    text = subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return {name: calls for name, *calls in _blocks(text)}


def _blocks(text: str) -> Iterator[list[str]]:
    """Each group's name and what stands below it."""
    block: list[str] = []
    for line in text.splitlines():
        if line.startswith("@"):
            if block:
                yield block
            block = [line.strip()]
        elif line.startswith(" ") and not line.strip().startswith("#"):
            block.append(line.strip())
    if block:
        yield block


def _expanded(name: str, groups: dict[str, list[str]]) -> set[str]:
    if not name.startswith("@"):
        return {name}
    return set[str]().union(*(_expanded(one, groups) for one in groups[name]))


def _check(code: int) -> None:
    if code < 0:
        raise OSError(-code, os.strerror(-code))


if __name__ == "__main__":
    confine(allowed_calls(Path(sys.argv[1])))
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - it becomes the program
