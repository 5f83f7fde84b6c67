"""What an hour of the week is like at a site, from that hour, those around it, and other sites.

A few weeks hold too little to know 168 hours by themselves. Three views of an hour are mixed:

* the site's *evening by profile*: how much happens around that time on that weekday
  (shrunk, Gamma-Poisson, towards the site's level), times how that hour of the day relates to its
  neighbours on all weekdays; it counts the more, the longer was measured around that time;
* the *town's day*: the hour of the day over all sites and weekdays, scaled to the site's level;
* a little of the site's *level*, flat over the week, so that nothing is thought impossible; more
  of it, the fewer the site has counted: few counts do not say when the next will come.

The mixture is the mean of a Gamma prior that the counts of the very hour then correct, so that
with years of data every hour speaks for itself.

All are sums of counts over sums of measured hours, so that a node that was off leaves less to go by
and does not look quiet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from collector.analysis.cells import TYPES, Floats
from collector.analysis.hours import HOURS_A_WEEK
from collector.analysis.school_calendar import DayType

# Chosen on simulated towns (seeds 1000 to 1099), which the figures in docs/patterns.md leave out.
_EVENING_H: Final = 1.7
_NARROW_H: Final = 0.8
_PROFILE_H: Final = 3.0
_FLAT_SHARE: Final = 0.1
_TOWN_PRIOR_H: Final = 20.0
_CELL_PRIOR: Final = 16.0
_LEVEL_PRIOR: Final = 1.3
_FLAT_PRIOR: Final = 2.0
_EVENING_PRIOR_H: Final = 6.0
_PROFILE_PRIOR_H: Final = 3.0
_FACTOR_PRIOR: Final = 3.0
_FACTOR_H: Final = 2.0

_HOUR: Final = np.arange(HOURS_A_WEEK)
_WORKDAY: Final = _HOUR < 5 * 24
_BY_DAY: Final = (_HOUR % 24 >= 6) & (_HOUR % 24 < 18)
_SCHOOL_HOURS: Final = _WORKDAY & _BY_DAY


def _kernel(spread_h: float, *, every_day: bool) -> Floats:
    """Normal weights between hours of the week, or between hours of the day on any weekday."""
    round_h = 24 if every_day else HOURS_A_WEEK
    apart = np.abs(_HOUR[:, np.newaxis] - _HOUR) % round_h
    apart = np.minimum(apart, round_h - apart)
    weights = np.exp(-0.5 * np.square(apart / spread_h)) * (apart <= 3.0 * spread_h)
    return np.asarray(weights, dtype=np.float64)


_EVENING: Final = _kernel(_EVENING_H, every_day=False)
_NARROW: Final = _kernel(_NARROW_H, every_day=True)
_PROFILE: Final = _kernel(_PROFILE_H, every_day=True)
_FACTOR: Final = _kernel(_FACTOR_H, every_day=True)


@dataclass(frozen=True, slots=True)
class Smoothed:
    """Rates an hour, and how much they rest on; arrays of shape (sites, day types, 168).

    Attributes
    ----------
    rate : ndarray
    behind : ndarray
        How many counts the rate rests on, as far as it goes by hours near to it.
    """

    rate: Floats
    behind: Floats


def smooth(count: Floats, measured_h: Floats) -> Smoothed:
    """Smoothed rates from counts and measured hours, both of shape (sites, day types, 168)."""
    plain, behind = _plain(_usual(count), _usual(measured_h))
    rate = np.repeat(plain[:, np.newaxis], TYPES, axis=1)
    # By day a day off is taken for one of the weekend, until its own data say otherwise.
    weekend = plain[:, 5 * 24 :].reshape(-1, 2, 24).mean(axis=1)
    free = np.where(_SCHOOL_HOURS, np.tile(weekend, 7), plain)
    rate[:, DayType.OFF] = rate[:, DayType.HOLIDAY] = free
    factor, known = _day_type_factor(count, measured_h, rate)
    rests_on = np.repeat(behind[:, np.newaxis], TYPES, axis=1)
    return Smoothed(rate * factor, 1.0 / (1.0 / np.maximum(rests_on, 1e-9) + 1.0 / known))


def _usual(values: Floats) -> Floats:
    """Over all day types, but in school hours of school days alone where there are such."""
    school = values[:, DayType.SCHOOL]
    return np.asarray(np.where(_SCHOOL_HOURS & (school.sum() > 0), school, values.sum(axis=1)))


def _plain(count: Floats, measured_h: Floats) -> tuple[Floats, Floats]:
    """Rates of shape (sites, 168), and how many counts they rest on."""
    total = (count.sum() + 0.5) / (measured_h.sum() + 1.0)
    site_h = measured_h.sum(axis=1) + _LEVEL_PRIOR / total
    level = ((count.sum(axis=1) + _LEVEL_PRIOR) / site_h)[:, np.newaxis]
    relative = level / level.mean()
    town, town_h = count.sum(axis=0), (measured_h * relative).sum(axis=0)
    town_day = relative * ((town @ _NARROW + total) / (town_h @ _NARROW + 1.0))
    town_week = relative * ((town @ _EVENING + total) / (town_h @ _EVENING + 1.0))
    near_h = measured_h @ _EVENING
    evening = (count @ _EVENING + _EVENING_PRIOR_H * town_week) / (near_h + _EVENING_PRIOR_H)
    broad = count @ _PROFILE + _PROFILE_PRIOR_H * level
    broad = broad / (measured_h @ _PROFILE + _PROFILE_PRIOR_H)
    narrow = count @ _NARROW + _PROFILE_PRIOR_H * broad
    narrow = narrow / (measured_h @ _NARROW + _PROFILE_PRIOR_H)
    own = near_h / (near_h + _TOWN_PRIOR_H)
    other = (1.0 - _FLAT_SHARE) * town_day + _FLAT_SHARE * level
    view = own * evening * narrow / broad + (1.0 - own) * other
    flat = _FLAT_PRIOR / (_FLAT_PRIOR + count.sum(axis=1)[:, np.newaxis])
    view += flat * (level - 0.5 * view)
    prior_h = _CELL_PRIOR / view
    rate = (count + _CELL_PRIOR) / (measured_h + prior_h)
    return rate, rate * near_h


def _day_type_factor(count: Floats, measured_h: Floats, rate: Floats) -> tuple[Floats, Floats]:
    """How Mondays to Fridays of a day type differ from others, by hour of the day, over all sites.

    Observed over expected, relative to that of all day types, shrunk towards 1. Returns the factor
    and the counts behind it, both of shape (day types, 168).
    """
    on_workdays = _WORKDAY.astype(np.float64)
    observed = (count.sum(axis=0) * on_workdays) @ _FACTOR
    expected = ((rate * measured_h).sum(axis=0) * on_workdays) @ _FACTOR
    all_types = (observed.sum(axis=0) + _FACTOR_PRIOR) / (expected.sum(axis=0) + _FACTOR_PRIOR)
    factor = (observed + _FACTOR_PRIOR * all_types) / (expected + _FACTOR_PRIOR) / all_types
    known = np.where(_WORKDAY, observed + _FACTOR_PRIOR, np.inf)
    return np.where(_WORKDAY, factor, 1.0), known
