"""What may be driven and heard at a school of a simulated town, to compare its traffic with."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from collector.registry.registry import Guideline, Registry, SpeedLimit

_RULE: Final = "simulated, no real traffic rule"
_SOURCE: Final = "Naturvårdsverket, äldre skolgårdar; kontrollera före användning"


def register_rules(registry: Registry, site: str, since: datetime) -> None:
    """Give `site` limits as at many a Swedish school street, and two guideline values."""
    registry.add_speed_limit(SpeedLimit(site=site, kmh=40, since=since, source=_RULE))
    registry.add_speed_limit(
        SpeedLimit(
            site=site, kmh=30, since=since, weekdays=(1, 2, 3, 4, 5), from_time="07:00",
            to_time="17:00", source=_RULE,
        )
    )  # fmt: skip
    for quantity, value_db in (("laeq_24h", 55.0), ("lafmax_5_an_hour", 70.0)):
        registry.set_guideline(
            Guideline(site=site, quantity=quantity, value_db=value_db, source=_SOURCE)
        )
