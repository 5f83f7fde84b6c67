"""One event with its whole message, and whether that is still what its node signed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from collector.analysis.speed import MARGIN_KMH
from collector.analysis.speed_limits import limits_at
from collector.ledger.ledger import EventRow, Ledger, MessageCheck
from collector.registry.registry import Site
from sensor.contract.errors import ContractError
from sensor.contract.messages import Event

_LONGEST_EPISODE: Final = timedelta(hours=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """An event.

    Attributes
    ----------
    message : Event, optional
        What the node sent; None: it was pruned, or cannot be read any more.
    check : MessageCheck, optional
        Whether that is what the node signed, verified just now.
    episode_start : datetime, optional
        When the episode began that it lies in.
    limit_kmh : float, optional
        The limit that held then.
    """

    row: EventRow
    site: Site | None
    message: Event | None
    check: MessageCheck | None
    episode_start: datetime | None
    limit_kmh: float | None

    @property
    def too_fast(self) -> bool:
        """Whether it was surely over the limit: with the margin, and its own uncertainty."""
        low = self.row.speed_low_kmh
        return self.limit_kmh is not None and low is not None and low > self.limit_kmh + MARGIN_KMH


def event_message(ledger: Ledger, row: EventRow | None) -> Event | None:
    """The message of an event; None where it is pruned or cannot be read."""
    stored = None if row is None else ledger.message(row.position)
    if stored is None or not stored.payload:
        return None
    try:
        message = stored.message
    except ContractError:
        return None
    return message if isinstance(message, Event) else None


def event_view(ledger: Ledger, row: EventRow) -> EventView:
    """What is told of an event."""
    site = ledger.registry.inventory().sites.get(row.site or "")
    return EventView(
        row=row,
        site=site,
        message=event_message(ledger, row),
        check=ledger.check_message(row.position),
        episode_start=None if site is None else _episode_start(ledger, row, site),
        limit_kmh=None if site is None else _limit_kmh(ledger, row, site),
    )


def _episode_start(ledger: Ledger, row: EventRow, site: Site) -> datetime | None:
    near = ledger.episodes(
        site=site.id,
        start=row.start - _LONGEST_EPISODE,
        end=row.start + timedelta(microseconds=1),
        simulated=row.simulated,
    )
    return next((one.start for _, one in reversed(near) if one.end >= row.start), None)


def _limit_kmh(ledger: Ledger, row: EventRow, site: Site) -> float | None:
    (limit,) = limits_at(ledger.registry.speed_limits(site.id), [row.start], site.time_zone)
    return limit
