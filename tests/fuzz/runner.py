"""Runs targets, each in a process of its own, since a fault may take the process with it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[2]
_REACHED: Final = re.compile(r"cov: (\d+)")
_GRACE_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Run:
    """How a target did.

    Attributes
    ----------
    outcomes : mapping
        What became of the inputs, and of how many; empty where a law was broken.
    reached : int
        Places in the code that inputs reached, as atheris counts them.
    broken_by : tuple of Path
        Inputs that break a law.
    told : str
        The last that the process wrote.
    """

    name: str
    outcomes: Mapping[str, int]
    reached: int
    broken_by: tuple[Path, ...]
    told: str

    @property
    def holds(self) -> bool:
        """Whether no law was broken."""
        return bool(self.outcomes) and not self.broken_by


def run(name: str, folder: Path, seconds: float) -> Run:
    """Feed the target called `name` for so long; what it needs and finds is kept in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    outcomes = folder / "outcomes.json"
    outcomes.unlink(missing_ok=True)
    before = _crashes(folder)
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.one", name, str(folder.resolve()), str(seconds)],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=seconds + _GRACE_S,
        check=False,
    )
    told = done.stdout.decode(errors="replace")
    reached = _REACHED.findall(told)
    return Run(
        name=name,
        outcomes=json.loads(outcomes.read_text()) if outcomes.exists() else {},
        reached=int(reached[-1]) if reached else 0,
        broken_by=tuple(sorted(_crashes(folder) - before)),
        told=told[-4000:],
    )


def _crashes(folder: Path) -> set[Path]:
    return {path for kind in ("crash", "timeout", "oom") for path in folder.glob(f"{kind}-*")}
