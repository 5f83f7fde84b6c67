"""``make chaos``: the long form; see :mod:`tests.system.chaos.chaos`.

SEED=7 python -m tests.system.chaos [--messages 100000]
"""

from __future__ import annotations

import argparse
import sys
import time

from rich.console import Console

from tests.system.chaos.chaos import Chaos, Happened, Plan, chosen_seed
from tests.system.chaos.verdict import judge, show

_NODES = 20


def main() -> int:
    """Run it, print what happened, and return 0 if nothing was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    asked = parser.parse_args()
    console = Console()
    seed = chosen_seed()
    console.print(f"SEED={seed}")
    plan = Plan(seed, nodes=_NODES, each=asked.messages // _NODES)
    with Chaos(plan) as chaos:
        told_at = time.monotonic()

        def tell(happened: Happened) -> None:
            nonlocal told_at
            if time.monotonic() - told_at > 30:
                told_at = time.monotonic()
                faults = happened.times.total()
                console.print(f"{chaos.numbered()} messages, {faults} faults")

        happened = chaos.rage(tell)
        console.print("nothing fails any more; waiting for all to arrive")
        chaos.settle()
        verdict = judge(chaos)
        show(happened, verdict, console)
    return 0 if verdict.holds else 1


if __name__ == "__main__":
    sys.exit(main())
