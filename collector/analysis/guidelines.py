"""Measurements beside guideline values, counted as each guideline counts.

======================  =======================================================================
``laeq_24h``            level of the average day against the value; beside it, on how many of the
                        days that were measured for long enough the level was above it
``lden``                Lden of the period against the value
``lafmax_5_an_hour``    LAFmax of passing vehicles: how many passes an hour are above the value in
                        the worst hour of use of the average day, of which five are allowed
======================  =======================================================================

Guideline values hold for the average of a year, so a single loud pass or day is no breach, and a
shorter period only indicates. What was not measured is left out, never taken for quiet; without
enough measurement there is no verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from collector.analysis.hours import Ints, local_hours
from collector.analysis.levels import (
    Floats,
    LevelHours,
    average_day_db,
    day_evening_night,
    level_db,
)

QUANTITIES: Final = ("laeq_24h", "lden", "lafmax_5_an_hour")
"""What guideline values can be of."""

ALLOWED_AN_HOUR: Final = 5
HOURS_OF_USE: Final = range(8, 17)
"""Local hours of Monday to Friday in which a schoolyard is used, unless told otherwise."""

_LEAST_DAY_S: Final = 18 * 3600
_LEAST_HOUR_S: Final = 10 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A guideline value and what was measured.

    Attributes
    ----------
    found : float
        A level in dB, or passes an hour where the guideline counts those; NaN where it was not
        measured for long enough.
    allowed : float
        What `found` may be at most.
    exceedances, of : int
        How many days, or passes in hours of use, were above the value, and of how many.
    measured_s, possible_s : float
        Of the time that counts, what was measured.
    """

    quantity: str
    value_db: float
    found: float
    allowed: float
    exceedances: int
    of: int
    measured_s: float
    possible_s: float

    @property
    def exceeded(self) -> bool | None:
        """Whether it is more than allowed; None: it cannot be told."""
        return None if np.isnan(self.found) else bool(self.found > self.allowed)

    @property
    def coverage(self) -> float:
        """Measured part of the time that counts, 0 to 1."""
        return self.measured_s / self.possible_s if self.possible_s else 0.0


def compared_level(
    quantity: str,
    value_db: float,
    hours: LevelHours,
    time_zone: str,
    first_hour: int,
    end_hour: int,
) -> Comparison:
    """Compare ``laeq_24h`` or ``lden`` over the hours within [`first_hour`, `end_hour`).

    Raises
    ------
    ValueError
        `quantity` is another one.
    """
    within = (hours.hour >= first_hour) & (hours.hour < end_hour)
    chosen = LevelHours(hours.hour[within], hours.energy[within], hours.measured_s[within])
    if quantity == "laeq_24h":
        found = average_day_db(chosen, time_zone)
    elif quantity == "lden":
        found = day_evening_night(chosen, time_zone, first_hour, end_hour).lden_db
    else:
        raise ValueError(f"{quantity!r} is no level of a period: it is laeq_24h or lden")
    above, days = _days_above(chosen, time_zone, value_db)
    return Comparison(
        quantity=quantity,
        value_db=value_db,
        found=found,
        allowed=value_db,
        exceedances=above,
        of=days,
        measured_s=float(chosen.measured_s.sum()),
        possible_s=3600.0 * (end_hour - first_hour),
    )


def compared_passes(
    value_db: float,
    pass_hour: Ints,
    lafmax_db: Floats,
    hours: LevelHours,
    time_zone: str,
    first_hour: int,
    end_hour: int,
    hours_of_use: range = HOURS_OF_USE,
) -> Comparison:
    """Compare ``lafmax_5_an_hour`` over the hours within [`first_hour`, `end_hour`).

    Parameters
    ----------
    pass_hour, lafmax_db : ndarray of shape (n,)
        In which hour since 1970-01-01T00Z each vehicle passed, and how loud it was.
    """
    used = _used(np.arange(first_hour, end_hour, dtype=np.int64), time_zone, hours_of_use)
    measured = np.isin(hours.hour, used)
    passed = np.isin(pass_hour, used)
    loud = passed & (lafmax_db > value_db)
    of_day = local_hours(hours.hour[measured], time_zone).hour_of_day
    measured_s = np.bincount(of_day, hours.measured_s[measured], 24)
    count = np.bincount(local_hours(pass_hour[loud], time_zone).hour_of_day, minlength=24)
    enough = measured_s >= _LEAST_HOUR_S
    rate = count[enough] / (measured_s[enough] / 3600.0)
    return Comparison(
        quantity="lafmax_5_an_hour",
        value_db=value_db,
        found=float(rate.max()) if rate.size else float("nan"),
        allowed=float(ALLOWED_AN_HOUR),
        exceedances=int(loud.sum()),
        of=int(passed.sum()),
        measured_s=float(measured_s.sum()),
        possible_s=3600.0 * len(used),
    )


def _days_above(hours: LevelHours, time_zone: str, value_db: float) -> tuple[int, int]:
    days, index = np.unique(local_hours(hours.hour, time_zone).day, return_inverse=True)
    measured_s = np.bincount(index, hours.measured_s, len(days))
    energy_s = np.bincount(index, hours.energy * hours.measured_s, len(days))
    enough = measured_s >= _LEAST_DAY_S
    levels = level_db(energy_s[enough] / measured_s[enough])
    return int((levels > value_db).sum()), int(enough.sum())


def _used(hour: Ints, time_zone: str, hours_of_use: range) -> Ints:
    local = local_hours(hour, time_zone)
    return hour[(local.weekday < 5) & np.isin(local.hour_of_day, np.array(hours_of_use))]
