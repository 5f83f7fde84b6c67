"""One episode with its passes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from collector.analysis.episodes import RULES, Episode, Pass
from collector.ledger.ledger import Ledger
from collector.pattern_tables import episodes_by_site, passes_of_site
from collector.registry.registry import Site

_AROUND: Final = timedelta(seconds=RULES.route_s + 60)
_STAMP: Final = "%Y%m%dT%H%M%S%fZ"


@dataclass(frozen=True, slots=True)
class EpisodeView:
    """An episode with the passes that it is made of, and those of unsure source meanwhile."""

    site: Site
    episode: Episode
    simulated: bool
    passes: tuple[Pass, ...]


def moment_of(stamp: str) -> datetime | None:
    """The moment that an address carries; None: it is none."""
    try:
        return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def episode_view(ledger: Ledger, site: Site, start: datetime) -> EpisodeView | None:
    """The episode at a site that began at that moment; None: there is none."""
    for simulated in (False, True):
        near = episodes_by_site(ledger, start - _AROUND, start + _AROUND, simulated=simulated)
        for one in near.get(site.id, []):
            if one.start == start:
                found = passes_of_site(ledger, site.id, one.start, one.end, simulated=simulated)
                return EpisodeView(site, one, simulated, tuple(found))
    return None
