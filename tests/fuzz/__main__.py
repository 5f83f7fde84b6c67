"""Fuzz what reads bytes from outside.

python -m tests.fuzz [--seconds 60] [TARGET ...]
python -m tests.fuzz --replay FILE TARGET
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path
from typing import Final

from tests.fuzz.runner import Run, run
from tests.fuzz.targets import TARGETS, open_target

_KEPT: Final = Path(__file__).parents[2] / "build" / "fuzz"


def main() -> int:
    """Run the targets one after the other; return 1 if a law was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=float, default=60.0, help="for each target")
    parser.add_argument("--replay", type=Path, help="an input that broke a law, once more")
    asked = parser.parse_args()
    if unknown := sorted(set(asked.targets) - set(TARGETS)):
        parser.error(f"there is no target {', '.join(unknown)}: there are {', '.join(TARGETS)}")
    names = asked.targets or list(TARGETS)
    if asked.replay is not None:
        return _replay(asked.replay, names)
    if importlib.util.find_spec("atheris") is None:
        parser.error("atheris is not installed: there are wheels for Linux on x86-64 only")
    runs = [_shown(run(name, _KEPT / name, asked.seconds)) for name in names]
    return 0 if all(one.holds for one in runs) else 1


def _shown(one: Run) -> Run:
    inputs = sum(one.outcomes.values())
    outcomes = sorted(one.outcomes.items(), key=lambda item: -item[1])
    became = ", ".join(f"{number:,} {outcome}" for outcome, number in outcomes)
    sys.stdout.write(f"{one.name:10} {inputs:>10,} inputs, {one.reached:>5} places: {became}\n")
    if not one.holds:
        sys.stdout.write(f"{one.told}\n{one.name}: a law is broken\n")
    for path in one.broken_by:
        sys.stdout.write(f"once more: python -m tests.fuzz --replay {path} {one.name}\n")
    sys.stdout.flush()
    return one


def _replay(path: Path, names: list[str]) -> int:
    for name in names:
        target = open_target(name)
        sys.stdout.write(f"{name}: {target.run(path.read_bytes())}\n")
        target.finish()
    return 0


if __name__ == "__main__":
    sys.exit(main())
