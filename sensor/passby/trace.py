"""Where an event begins, ends and parts: pure functions of a level trace.

A trace is a list of LAFmax in dB, one value a step of 125 ms; NaN where nothing was measured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

STEP_S = 0.125


def steps_in(seconds: float) -> int:
    """Whole steps in `seconds`, at least one."""
    return max(1, round(seconds / STEP_S))


def peak_of(levels_db: Sequence[float]) -> int:
    """Index of the highest level; the first of several, 0 where nothing was measured."""
    return max(range(len(levels_db)), key=lambda i: (_or_low(levels_db[i]), -i), default=0)


def extent(levels_db: Sequence[float], peak: int, edge_db: float, hold: int) -> tuple[int, int]:
    """First and last index around `peak` with a level of at least `edge_db`.

    Stretches below the edge shorter than `hold` steps are bridged, so that a pass that dips
    stays one.
    """
    first = _outermost(levels_db, range(peak, -1, -1), edge_db, hold)
    last = _outermost(levels_db, range(peak, len(levels_db)), edge_db, hold)
    return first, last


def parting(
    levels_db: Sequence[float], peak: int, level_db: float, split_db: float, split_steps: int
) -> int | None:
    """Index of the dip that makes `level_db`, the next level, part of another pass; else None.

    Two passes are told from one that dips by depth and length together: the trace must have been
    at least `split_db` below the lower of its two peaks for `split_steps` steps on end.
    """
    after = levels_db[peak + 1 :]
    line_db = min(levels_db[peak], level_db) - split_db
    runs = (len(list(run)) for low, run in groupby(after, lambda x: x <= line_db) if low)
    if max(runs, default=0) < split_steps:
        return None
    return peak + 1 + min(range(len(after)), key=lambda i: (_or_high(after[i]), i))


def _outermost(levels_db: Sequence[float], indices: range, edge_db: float, hold: int) -> int:
    found = indices[0]
    for index in indices:
        if levels_db[index] >= edge_db:
            found = index
        elif abs(index - found) >= hold:
            break
    return found


def _or_low(level_db: float) -> float:
    return -math.inf if math.isnan(level_db) else level_db


def _or_high(level_db: float) -> float:
    return math.inf if math.isnan(level_db) else level_db
