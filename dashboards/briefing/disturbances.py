"""The disturbance log as the pages show it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Engine

from collector.analysis.disturbances import Answer
from collector.config import CollectorConfig
from collector.disturbance_answers import SiteRecall, answered, site_recall
from collector.ledger.ledger import Ledger
from collector.registry.disturbances import Disturbance, Disturbances
from collector.registry.links import Links
from dashboards.briefing.cache import Cache

COUNTED: Final = timedelta(days=180)
"""Over how long back reports are counted."""

_KEPT_S: Final = 300.0
_MOST: Final = 200


class DisturbanceLog:
    """Logs what people tell, and answers them; what is counted is kept for some minutes."""

    def __init__(self, ledger: Ledger, config: CollectorConfig, engine: Engine) -> None:
        self.disturbances = Disturbances(engine)
        self.links = Links(engine)
        self.kept_days = config.retention.disturbance_days
        self._ledger = ledger
        self._recalls: Cache[tuple[str, int | None], SiteRecall] = Cache(_KEPT_S)

    def answer(self, told: Disturbance) -> Answer:
        """What was measured then, as far as it is known now."""
        inventory = self._ledger.registry.inventory()
        return answered(self._ledger, inventory, told, datetime.now(UTC))

    def latest(self, site: str, most: int) -> Sequence[tuple[Disturbance, Answer]]:
        """What was told of a site last, with the answers."""
        return [(one, self.answer(one)) for one in self.disturbances.of_site(site, limit=most)]

    def recall(self, site: str) -> SiteRecall:
        """How many of the reported disturbances at a site were heard."""
        now = datetime.now(UTC)
        told = self.disturbances.of_site(site, now - COUNTED, limit=_MOST)
        # What somebody has just told is to be counted at once.
        newest = max((one.id for one in told), default=None)
        return self._recalls.get(
            (site, newest),
            lambda: site_recall(self._ledger, self._ledger.registry.inventory(), told, now),
        )
