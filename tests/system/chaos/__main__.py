"""``make chaos``: the long form; see :mod:`tests.system.chaos.chaos`.

SEED=7 python -m tests.system.chaos [--messages 100000] [--sites 20] [--influx-away-min 3]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

from rich.console import Console

from tests.system.chaos.chaos import Chaos, Plan, chosen_seed
from tests.system.chaos.verdict import judge, show

_NODES = 20


def main() -> int:
    """Run it, print what happened, and return 0 if nothing was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument(
        "--sites", type=int, default=1, help="schools that 20 nodes are spread over"
    )
    parser.add_argument("--influx-away-min", type=float, default=3.0, help="once, all at a stretch")
    asked = parser.parse_args()
    console = Console()
    seed = chosen_seed()
    console.print(f"SEED={seed}")
    plan = Plan(
        seed,
        nodes=_NODES,
        each=asked.messages // _NODES,
        sites=asked.sites,
        long_away_s=60 * asked.influx_away_min,
    )
    with Chaos(plan) as chaos:
        told_at = time.monotonic()

        def tell(text: Callable[[], str]) -> None:
            nonlocal told_at
            if time.monotonic() - told_at > 30:
                told_at = time.monotonic()
                console.print(text())

        happened = chaos.rage(
            lambda now: tell(lambda: f"{now.times.total()} faults, {chaos.standing()}")
        )
        console.print("nothing fails any more; waiting for all to arrive")
        chaos.settle(lambda standing: tell(lambda: str(standing)))
        verdict = judge(chaos)
        show(happened, verdict, console)
    return 0 if verdict.holds else 1


if __name__ == "__main__":
    sys.exit(main())
