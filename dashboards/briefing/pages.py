"""The pages, and the parts of them that page.js fetches anew."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any, Final

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse

from collector.ledger.ledger import EventRow
from collector.registry.registry import Site
from dashboards.briefing.access.roles import Permission
from dashboards.briefing.access.visitor import needs
from dashboards.briefing.api import BoardOf
from dashboards.briefing.board import Board, SiteStatus
from dashboards.briefing.cache import Cache
from dashboards.briefing.chart_routes import OVERVIEW_HOURS, SITE_HOURS, minutes_of
from dashboards.briefing.web import (
    EventId,
    SiteId,
    known_site,
    language_code,
    page,
    templates_of,
    unless_known,
)

OVERVIEW_EVENTS: Final = 12
SITE_EVENTS: Final = 50

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


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


Parts = Cache[tuple[str, str], bytes]
"""The live parts of pages by template and subject, rendered once for all who look at once."""


def new_parts() -> Parts:
    """Return an empty store of live parts."""
    return Cache(0.3)


@router.get("/", dependencies=[needs(Permission.SEE_DETAIL)])
def overview(request: Request, board: BoardOf) -> Response:
    """Where and when: sites, latest events, levels of the last hours."""
    return page(request, "overview.html", live="/live", **_overview(board))


@router.get("/live", dependencies=[needs(Permission.SEE_DETAIL)])
def overview_live(request: Request, board: BoardOf) -> Response:
    """The parts of the overview that change."""
    return _live(request, "overview_live.html", "", lambda: _overview(board))


@router.get("/site/{site_id}", dependencies=[needs(Permission.SEE_DETAIL)])
def site(request: Request, board: BoardOf, site_id: SiteId) -> Response:
    """One site: its nodes, its levels of a day, its events."""
    values = _site(board, known_site(board, site_id))
    return page(request, "site.html", live=f"/live/site/{site_id}", **values)


@router.get("/live/site/{site_id}", dependencies=[needs(Permission.SEE_DETAIL)])
def site_live(request: Request, board: BoardOf, site_id: SiteId) -> Response:
    """The parts of a site's page that change."""
    known = known_site(board, site_id)
    return _live(request, "site_live.html", site_id, lambda: _site(board, known))


@router.get("/event/{event_id}", dependencies=[needs(Permission.SEE_DETAIL)])
def event(request: Request, board: BoardOf, event_id: EventId) -> Response:
    """One event: how loud, what, how fast, and what to keep in mind."""
    row = board.ledger.event(event_id)
    if row is None:
        raise HTTPException(404, f"there is no event {event_id}")
    values = {**_now(board), "line": _lines(board, [row])[0], "simulated": row.simulated}
    return page(request, "event.html", live=None, **values)


def error_page(request: Request, status: int, kind: str | None = None, **values: Any) -> Response:
    """A page that says what went wrong and what to do; `kind` names its texts."""
    by_status = status if status in {404, 422, 503} else 404 if status < 500 else 500
    return page(request, "error.html", status_code=status, kind=kind or by_status, **values)


def _live(
    request: Request, template: str, subject: str, values: Callable[[], dict[str, Any]]
) -> Response:
    code = language_code(request)
    parts: Parts = request.app.state.parts

    def render() -> bytes:
        return templates_of(request).render(template, code, **values()).encode()

    content = parts.get((f"{template} {code}", subject), render)
    return unless_known(request, content, "text/html", code)


def _overview(board: Board) -> dict[str, Any]:
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


def _site(board: Board, site: Site) -> dict[str, Any]:
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
