"""Other programs that the updater runs: Python's own tools, and new releases."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sensor.errors import UpdateError, UpdateLaterError

_KEPT: Final = ("PATH", "LANG", "LC_ALL", "TMPDIR")


def run_tool(command: Sequence[str], timeout_s: float) -> str:
    """Run something to its end and return what it printed.

    Raises
    ------
    UpdateError
        It fails, or takes longer than `timeout_s`; the text has its last line.
    UpdateLaterError
        The disk is full.
    """
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    # Nothing of the machine's own settings, and no other source of packages.
    environment |= {"PIP_CONFIG_FILE": os.devnull, "HOME": "/nonexistent"}
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout_s, env=environment,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise UpdateError(f"{_words(command)} took longer than {timeout_s:.0f} s") from error
    if ended.returncode == 0:
        return ended.stdout
    lines = [line for line in (ended.stdout + ended.stderr).splitlines() if line.strip()]
    last = lines[-1].strip() if lines else f"it ends with {ended.returncode}"
    if "No space left on device" in ended.stderr:
        raise UpdateLaterError(f"the disk is full: {_words(command)} says {last}")
    raise UpdateError(f"{_words(command)}: {last.removeprefix('skolro: ')}")


def _words(command: Sequence[str]) -> str:
    """What is run, for people."""
    program = Path(command[0]).name
    words = [word for word in command[1:4] if not word.startswith(("-", "/"))]
    return " ".join([program, *words])
