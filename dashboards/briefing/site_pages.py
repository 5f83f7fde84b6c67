"""The pages of one site, of one episode, and of one event."""

from datetime import UTC, datetime

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse

from dashboards.briefing.access.dependencies import needs
from dashboards.briefing.access.roles import Permission
from dashboards.briefing.api import BoardOf
from dashboards.briefing.episode_view import episode_view, moment_of
from dashboards.briefing.event_view import event_view
from dashboards.briefing.pages import site_now
from dashboards.briefing.site_view import SiteViews
from dashboards.briefing.web import EventId, SiteId, known_site, page

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


def views_of(request: Request) -> SiteViews:
    """The views of sites that the application was made with."""
    views: SiteViews = request.app.state.site_views
    return views


@router.get("/site/{site_id}", dependencies=[needs(Permission.SEE_DETAIL)])
def site(request: Request, board: BoardOf, site_id: SiteId) -> Response:
    """One site: when, how loud, how fast, how well measured, and what happens now."""
    known = known_site(board, site_id)
    view = views_of(request).view(known, datetime.now(UTC))
    now = site_now(board, known)
    now["simulated"] = now["simulated"] or view.period.simulated
    return page(request, "site.html", live=f"/live/stream?site={site_id}&", view=view, **now)


@router.get("/episode/{site_id}/{stamp}", dependencies=[needs(Permission.SEE_DETAIL)])
def episode(request: Request, board: BoardOf, site_id: SiteId, stamp: str) -> Response:
    """One episode: its passes, and why it is one."""
    known = known_site(board, site_id)
    start = moment_of(stamp)
    view = None if start is None else episode_view(board.ledger, known, start)
    if view is None:
        raise HTTPException(404, f"there is no episode at {site_id} that began {stamp[:40]}")
    names = {one.id: one.name for one in board.registry.sites()}
    return page(request, "episode.html", view=view, names=names, simulated=view.simulated)


@router.get("/event/{event_id}", dependencies=[needs(Permission.SEE_DETAIL)])
def event(request: Request, board: BoardOf, event_id: EventId) -> Response:
    """One event: how loud, what, how fast, what to keep in mind, and whether it is unchanged."""
    row = board.ledger.event(event_id)
    if row is None:
        raise HTTPException(404, f"there is no event {event_id}")
    view = event_view(board.ledger, row)
    return page(request, "event.html", view=view, simulated=row.simulated)
