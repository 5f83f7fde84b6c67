"""When it was as before again: the week after the last patrol in which the old rate is back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from collector.analysis.cells import Floats

_WITHIN: Final = 3.84
"""Twice the log likelihood that a 95 % interval may lie below the greatest (chi-squared, 1)."""


@dataclass(frozen=True, slots=True)
class Relapse:
    """Whole weeks from the last patrol on during which the lower rate lasted.

    Attributes
    ----------
    weeks : int, optional
        The likeliest; None: it lasts still.
    low : int, optional
        The fewest that agree with the counts; None: it surely lasts still.
    high : int, optional
        The most; None: it may last still.
    """

    weeks: int | None
    low: int | None
    high: int | None


def relapse(
    count: Floats, usual: Floats, patrolled_weeks: int, dispersion: float
) -> Relapse | None:
    """Fit one lower rate from the first patrol until a week, and the usual one from then on.

    Parameters
    ----------
    count, usual : ndarray of shape (weeks,)
        Counts by week from the first patrol on, and what the rate before would give.
    patrolled_weeks : int
        How many of these weeks the patrols took.
    dispersion : float
        By which the likelihood of Poisson counts is tempered.

    Returns
    -------
    Relapse or None
        None where no week follows the patrols.
    """
    first = max(1, patrolled_weeks)
    ends = np.arange(first, len(count) + 1)
    if len(ends) < 2:
        return None
    fits = np.array([_log_likelihood(count, usual, int(end)) for end in ends]) / dispersion
    agree = ends[2.0 * (fits.max() - fits) <= _WITHIN]
    return Relapse(
        *(
            _weeks(int(end), len(count), first)
            for end in (ends[np.argmax(fits)], agree[0], agree[-1])
        )
    )


def _weeks(end: int, all_weeks: int, first: int) -> int | None:
    return None if end == all_weeks else end - first


def _log_likelihood(count: Floats, usual: Floats, end: int) -> float:
    lower = min(1.0, (count[:end].sum() + 0.5) / max(usual[:end].sum(), 0.5))
    mean = np.maximum(np.where(np.arange(len(count)) < end, lower * usual, usual), 1e-9)
    return float((count * np.log(mean) - mean).sum())
