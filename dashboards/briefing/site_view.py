"""What a site's page tells beyond what happens now: when, how loud, how fast, how well measured."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from collector.analysis.episodes import Episode, Pass
from collector.analysis.guidelines import Comparison
from collector.analysis.hours import hour_at
from collector.analysis.levels import DayEveningNight, day_evening_night
from collector.analysis.patrol import MIN_MEASURED_H
from collector.analysis.rates import Rates
from collector.analysis.school_calendar import SchoolCalendar
from collector.analysis.speed import SpeedFigures, SpeedTable, speed_figures
from collector.errors import AnalysisError
from collector.ledger.ledger import Ledger
from collector.pattern_answers import (
    HALF_A_YEAR,
    Period,
    beside_guidelines,
    fitted_rates,
    hours_in,
    levels_by_node,
    period_before,
)
from collector.pattern_tables import episodes_by_site, passes_of_site, speeds_of
from collector.registry.registry import Guideline, Site, SpeedLimit
from dashboards.briefing.cache import Cache

FOUR_WEEKS: Final = timedelta(weeks=4)

_KEPT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class NodeLevels:
    """What one node measured in four weeks: day, evening and night, and beside guidelines."""

    node: str
    day: DayEveningNight
    compared: tuple[tuple[Guideline, Comparison], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteView:
    """What is told of a site.

    Attributes
    ----------
    period : Period
        Four weeks back, of which levels, speeds and episodes are told.
    rates : Rates, optional
        By hour of the week over half a year; None: nothing was measured.
    measured_s, possible_s : float
        Of the four weeks.
    unjudged_h : int
        Hours of the week that were measured too little to be judged.
    episodes : tuple of Episode
        Newest first.
    """

    site: Site
    period: Period
    rates: Rates | None
    measured_s: float
    possible_s: float
    unjudged_h: int
    levels: tuple[NodeLevels, ...]
    speeds: SpeedFigures
    speed_table: SpeedTable
    limits: tuple[SpeedLimit, ...]
    passes: int
    episodes: tuple[Episode, ...]

    def rate(self, weekday: int, hour: int) -> float | None:
        """Episodes an hour as the chart shows them; None: that hour was never measured."""
        if self.rates is None:
            return None
        cell = 24 * weekday + hour
        measured_h = self.rates.measured_h[0, :, cell]
        if not measured_h.any():
            return None
        return float((self.rates.rate[0, :, cell] * measured_h).sum() / measured_h.sum())

    @property
    def coverage(self) -> float:
        """Measured part of the four weeks, 0 to 1."""
        return self.measured_s / self.possible_s


class SiteViews:
    """Makes them; each is kept for a minute."""

    def __init__(self, ledger: Ledger, calendar: SchoolCalendar) -> None:
        self._ledger = ledger
        self._calendar = calendar
        self._views: Cache[tuple[object, ...], SiteView] = Cache(_KEPT_S)

    def view(self, site: Site, now: datetime) -> SiteView:
        """What is told of `site` at a moment, from whole hours before it."""
        end = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        version = self._ledger.registry.inventory().version
        key = (site.id, end, version)
        return self._views.get(key, lambda: _view(self._ledger, self._calendar, site, end))


def _view(ledger: Ledger, calendar: SchoolCalendar, site: Site, end: datetime) -> SiteView:
    period = period_before(ledger, end, FOUR_WEEKS, site.id)
    passes = passes_of_site(ledger, site.id, period.start, period.end, simulated=period.simulated)
    inventory = ledger.registry.inventory()
    speeds = speeds_of(passes, inventory, site)
    rates, unjudged_h = _rates(ledger, calendar, site, end)
    found = episodes_by_site(ledger, period.start, period.end, simulated=period.simulated)
    return SiteView(
        site=site,
        period=period,
        rates=rates,
        measured_s=_measured_s(ledger, site, period),
        possible_s=FOUR_WEEKS.total_seconds(),
        unjudged_h=unjudged_h,
        levels=_levels(ledger, site, period, passes),
        speeds=speed_figures(speeds),
        speed_table=speeds,
        limits=tuple(one for one in inventory.speed_limits if one.site == site.id),
        passes=sum(one.confirmed for one in passes),
        episodes=tuple(reversed(found.get(site.id, []))),
    )


def _rates(
    ledger: Ledger, calendar: SchoolCalendar, site: Site, end: datetime
) -> tuple[Rates | None, int]:
    half_a_year = period_before(ledger, end, HALF_A_YEAR, site.id)
    try:
        rates = fitted_rates(hours_in(ledger, half_a_year, site.id), calendar)
    except AnalysisError:
        return None, 168
    measured_h = rates.measured_h[0].sum(axis=0)
    return rates, int((measured_h < MIN_MEASURED_H).sum())


def _measured_s(ledger: Ledger, site: Site, period: Period) -> float:
    found = hours_in(ledger, period, site.id)
    return sum(float(one.measured_s.sum()) for one in found.values())


def _levels(
    ledger: Ledger, site: Site, period: Period, passes: list[Pass]
) -> tuple[NodeLevels, ...]:
    guidelines = ledger.registry.guidelines(site.id)
    limits = hour_at(period.start), hour_at(period.end)
    return tuple(
        NodeLevels(
            node,
            day_evening_night(hours, site.time_zone, *limits),
            tuple(beside_guidelines(guidelines, site, period, node, hours, passes)),
        )
        for node, hours in levels_by_node(ledger, site.id, period).items()
    )
