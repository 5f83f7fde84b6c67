"""What the feeds hold, made once for all who ask within moments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from collector.config import CollectorConfig
from collector.feeds.weeks import PlannedWeek, plan_of_week, week_named, weeks_around
from collector.ledger.ledger import Ledger
from collector.ngsi_ld.entities import Entity, current_entities
from collector.pattern_answers import school_calendar
from collector.registry.links import Links
from dashboards.briefing.cache import Cache

_PLANS_KEPT_S: Final = 300.0
_ENTITIES_KEPT_S: Final = 20.0


class Feeds:
    """Plans and entities, and the links that open them."""

    def __init__(self, ledger: Ledger, config: CollectorConfig, engine: Engine) -> None:
        self.config = config
        self.links = Links(engine)
        self._ledger = ledger
        self._zone = ZoneInfo(config.page.time_zone)
        self._calendar = school_calendar(config)
        self._plans: Cache[tuple[datetime, int, int, int], PlannedWeek | None]
        self._plans = Cache(_PLANS_KEPT_S)
        self._entities: Cache[tuple[bool, int], list[Entity]] = Cache(_ENTITIES_KEPT_S)

    def weeks(self, named: str | None, windows: int, hours: int) -> list[PlannedWeek]:
        """The plans of this week and the next, or of the one that is named.

        Raises
        ------
        AnalysisError
            There is no week of that name.
        """
        if named is None:
            mondays: Sequence[datetime] = weeks_around(datetime.now(UTC), self._zone)
        else:
            mondays = [week_named(named, self._zone)]
        plans = (self._plan(monday, windows, hours) for monday in mondays)
        return [one for one in plans if one is not None]

    def entities(self, *, whole: bool) -> list[Entity]:
        """The newest quarters; unless `whole` without small counts."""
        inventory = self._ledger.registry.inventory()
        small_count = None if whole else self.config.access.small_count
        return self._entities.get(
            (whole, inventory.version),
            lambda: list(current_entities(self._ledger, inventory, small_count=small_count)),
        )

    def _plan(self, monday: datetime, windows: int, hours: int) -> PlannedWeek | None:
        version = self._ledger.registry.inventory().version
        return self._plans.get(
            (monday, windows, hours, version),
            lambda: plan_of_week(
                self._ledger, self._calendar, monday, windows=windows, hours=hours
            ),
        )
