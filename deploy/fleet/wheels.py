"""The wheels that a node needs, for each target: from a package index, or from a folder."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement

from deploy.errors import DeployError

USUAL_TARGETS: Final = ("cp311-aarch64", "cp313-aarch64")
"""Raspberry Pi OS Bookworm and Trixie, 64 bit."""

_TARGET: Final = re.compile(r"cp3(\d{1,2})-(aarch64|x86_64)")
_GLIBC: Final = ("2_17", "2_26", "2_27", "2_28", "2_31", "2_34", "2_35", "2_36")
"""Of wheels that Debian Bookworm can load; its own is 2.36."""


def wheels_for(target: str, lock: Path, folder: Path, source: Path | None = None) -> list[Path]:
    """Return the wheels of all that `lock` asks of `target`, in a subfolder of `folder`.

    Parameters
    ----------
    target : str
        As :func:`sensor.contract.fleet.target_of` names them.
    lock : Path
        Versions with hashes, which what comes must have.
    source : Path, optional
        A folder of wheels, in place of the package index that pip knows.

    Raises
    ------
    DeployError
        One cannot be had.
    """
    match = _TARGET.fullmatch(target)
    if match is None:
        raise DeployError(
            f"{target!r} is no target: write a Python and a processor, as {USUAL_TARGETS[-1]}"
        )
    minor, machine = int(match[1]), match[2]
    there = folder / target
    there.mkdir(parents=True)
    wanted = there / "wanted.lock"
    wanted.write_text("".join(_lines_for(lock, minor, machine)), encoding="utf-8")
    platforms = [f"manylinux_{version}_{machine}" for version in _GLIBC]
    platforms += [f"manylinux2014_{machine}", f"linux_{machine}"]
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
        "--no-deps", "--only-binary=:all:", "--require-hashes", "--dest", str(there),
        "--requirement", str(wanted), "--implementation", "cp", "--python-version", f"3.{minor}",
        *(option for name in platforms for option in ("--platform", name)),
        *(() if source is None else ("--no-index", "--find-links", str(source))),
    ]  # fmt: skip
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        lines = [line for line in ended.stderr.splitlines() if line.startswith("ERROR")]
        last = (lines or [ended.stderr.strip()])[-1]
        raise DeployError(f"not all wheels for {target} can be had: {last[:300]}")
    return sorted(there.glob("*.whl"))


def _lines_for(lock: Path, minor: int, machine: str) -> Iterator[str]:
    """The entries of a lock that hold for a target; pip itself would ask this Python instead."""
    environment = {
        "implementation_name": "cpython", "os_name": "posix", "platform_machine": machine,
        "platform_python_implementation": "CPython", "platform_system": "Linux",
        "python_full_version": f"3.{minor}.0", "python_version": f"3.{minor}",
        "sys_platform": "linux", "extra": "",
    }  # fmt: skip
    for entry in _entries(lock):
        head, _, hashes = entry.partition(" --hash=")
        try:
            requirement = Requirement(head.strip())
        except InvalidRequirement as error:
            raise DeployError(f"{lock} has a line that is none of a lock: {head[:60]!r}") from error
        if requirement.marker is None or requirement.marker.evaluate(environment):
            yield f"{requirement.name}{requirement.specifier} --hash={hashes}\n"


def _entries(lock: Path) -> Iterator[str]:
    try:
        text = lock.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DeployError(f"cannot read {lock}: {error}") from error
    for line in text.replace("\\\n", " ").splitlines():
        entry = " ".join(line.partition("#")[0].split())
        if entry:
            yield entry
