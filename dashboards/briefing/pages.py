"""What happens now, as pages show it; and the page that says what is wrong."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any, Final

from fastapi import Request, Response

from collector.ledger.ledger import EventRow
from collector.registry.registry import Site
from dashboards.briefing.board import Board, SiteStatus
from dashboards.briefing.chart_routes import OVERVIEW_HOURS, SITE_HOURS, minutes_of
from dashboards.briefing.web import (
    page,
)

OVERVIEW_EVENTS: Final = 12
SITE_EVENTS: Final = 20


@dataclass(frozen=True, slots=True)
class EventLine:
    """An event as a list shows it."""

    event: EventRow
    local: datetime
    site: Site | None


@dataclass(frozen=True, slots=True)
class EventDay:
    """The events of one local day, newest first."""

    day: date
    lines: tuple[EventLine, ...]


def error_page(request: Request, status: int, kind: str | None = None, **values: Any) -> Response:
    """A page that says what went wrong and what to do; `kind` names its texts."""
    by_status = status if status in {404, 422, 503} else 404 if status < 500 else 500
    return page(request, "error.html", status_code=status, kind=kind or by_status, **values)


def overview_now(board: Board) -> dict[str, Any]:
    """What happens everywhere now, as the page shows it."""
    now = datetime.now(UTC)
    sites = board.sites(now)
    days = _days(_lines(board, board.ledger.events(limit=OVERVIEW_EVENTS)))
    return {
        **_now(board),
        "sites": sites,
        "days": days,
        "hours": OVERVIEW_HOURS,
        "minutes": minutes_of(OVERVIEW_HOURS),
        "simulated": _any_simulated(sites, days),
    }


def site_now(board: Board, site: Site) -> dict[str, Any]:
    """What happens at a site now, as its page shows it."""
    now = datetime.now(UTC)
    status = board.site(site, now)
    days = _days(_lines(board, board.ledger.events(site=site.id, limit=SITE_EVENTS)))
    return {
        **_now(board),
        "status": status,
        "days": days,
        "hours": SITE_HOURS,
        "minutes": minutes_of(SITE_HOURS),
        "simulated": _any_simulated([status], days),
    }


def _now(board: Board) -> dict[str, Any]:
    return {"now": board.local(datetime.now(UTC)), "local": board.local}


def _lines(board: Board, rows: Iterable[EventRow]) -> list[EventLine]:
    sites = board.registry.inventory().sites
    return [EventLine(row, board.local(row.start), sites.get(row.site or "")) for row in rows]


def _days(lines: Iterable[EventLine]) -> list[EventDay]:
    by_day = groupby(lines, key=lambda line: line.local.date())
    return [EventDay(day, tuple(of_day)) for day, of_day in by_day]


def _any_simulated(sites: Iterable[SiteStatus], days: Iterable[EventDay]) -> bool:
    return any(site.simulated for site in sites) or any(
        line.event.simulated for day in days for line in day.lines
    )
