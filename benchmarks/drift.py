"""How often a sound node is pointed at, how soon a deaf one is found, and if the intervals hold.

    python -m benchmarks.drift [--towns N]

Towns of ``tests/collector/analysis/backgrounds.py``, whose spreads are assumptions: the usual one,
and a rough one. Each is looked at once a week over a year, as the collector does. Nothing here is
about speed: the figures are shares, with their 95 % intervals (Wilson).
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from datetime import date, timedelta

import numpy as np

from collector.analysis.drift import WINDOW_NIGHTS, Drift, FloatArray, drift
from tests.collector.analysis.backgrounds import ROUGH, USUAL, Nights, neighbourhood

FIRST = date(2026, 1, 1)
YEAR = 364
AT = 182
WEEKS = (2, 3, 4, 6, 8, 12)
SEED = 1000
"""Of the first town: no constant of the analysis was chosen on these."""


def looks(own_db: FloatArray, others_db: FloatArray, first: int, last: int) -> Iterator[Drift]:
    """What is told of a node in each week whose looks end at nights from `first` to `last`."""
    for end in range(first, last + 1, 7):
        shown = slice(end - WINDOW_NIGHTS, end)
        first_night = FIRST + timedelta(days=end - WINDOW_NIGHTS)
        told = drift(own_db[shown], others_db[:, shown], first_night)
        if isinstance(told, Drift):
            yield told


def share(hits: int, of: int) -> str:
    """A share with its interval."""
    p, z = hits / of, 1.96
    middle = (p + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    return f"{100 * p:3.0f} % ({100 * max(0.0, middle - half):.0f}-{100 * (middle + half):.0f})"


def step(size_db: float) -> Callable[[FloatArray], FloatArray]:
    """A fault that comes at once, at night `AT`."""
    return lambda nights: nights + np.where(np.arange(YEAR) >= AT, size_db, 0.0)


def ramp(size_db: float, over: int) -> Callable[[FloatArray], FloatArray]:
    """A fault that grows over some nights from night `AT` on."""
    return lambda nights: nights + size_db * np.clip((np.arange(YEAR) - AT) / over, 0.0, 1.0)


FAULTS = {
    "3 dB at once": step(-3.0),
    "6 dB at once": step(-6.0),
    "3 dB in 8 weeks": ramp(-3.0, 56),
    "6 dB in 8 weeks": ramp(-6.0, 56),
}


def sound(kind: Nights, nodes: int, towns: int) -> None:
    """How often somebody is sent to a node that is well, and to one beside a building site."""
    alone, beside, blamed = 0, 0, 0
    for seed in range(SEED, SEED + towns):
        town = neighbourhood(seed, nodes, YEAR, kind)
        for node in range(nodes):
            others = np.delete(town, node, axis=0)
            alone += any(told.holds for told in looks(town[node], others, WINDOW_NIGHTS, YEAR))
        loud = town.copy()
        # Three months of a building site before the first node.
        loud[0, AT : AT + 91] += 5.0
        told = [found.holds for found in looks(loud[0], loud[1:], AT, AT + 91)]
        beside += any(told)
        others = np.delete(loud, 1, axis=0)
        blamed += any(found.holds for found in looks(loud[1], others, AT, AT + 91))
    print(f"  pointed at although well, in a year:      {share(alone, towns * nodes)}")
    print(f"  beside a building site of 5 dB:           {share(beside, towns)}")
    print(f"  its neighbour, in those three months:     {share(blamed, towns)}")


def faulty(kind: Nights, nodes: int, towns: int) -> None:
    """How soon faults are found, and what is said of them."""
    for name, fault in FAULTS.items():
        soon = dict.fromkeys(WEEKS, 0)
        size = since = 0
        for seed in range(SEED, SEED + towns):
            town = neighbourhood(seed, nodes, YEAR, kind)
            own = fault(town[0])
            weeks = [told.holds for told in looks(own, town[1:], AT + 7, AT + 84)]
            for week in WEEKS:
                soon[week] += any(weeks[:week])
            (told,) = looks(own, town[1:], AT + 56, AT + 56)
            size += told.low_db <= float(np.nanmin(own - town[0])) <= told.high_db
            since += told.since_low <= FIRST + timedelta(days=AT) <= told.since_high
        found = ", ".join(f"{week}: {100 * hits / towns:.0f} %" for week, hits in soon.items())
        print(f"  {name:16} found within weeks {found}")
        if "at once" in name:
            print(f"  {'':16} after 8 weeks its true size is in the interval {share(size, towns)},")
            print(f"  {'':16} and its true night {share(since, towns)}")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--towns", type=int, default=60)
    towns = parser.parse_args().towns
    for name, kind in (("usual", USUAL), ("rough", ROUGH)):
        for nodes in (3, 6):
            print(f"{name} nights, {nodes} nodes, {towns} towns")
            sound(kind, nodes, towns)
            faulty(kind, nodes, towns)


if __name__ == "__main__":
    main()
