"""What happens now: the page, and the stream of what changes on it and on the sites' pages."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from collector.writing import Code
from dashboards.briefing.access.dependencies import VisitorOf, goes_on, needs
from dashboards.briefing.access.roles import Permission
from dashboards.briefing.api import BoardOf
from dashboards.briefing.board import Board
from dashboards.briefing.live_hub import LiveHub, Subject
from dashboards.briefing.page_templates import Templates
from dashboards.briefing.pages import overview_now, site_now
from dashboards.briefing.streams import news_of, streamed
from dashboards.briefing.web import known_site, page
from sensor.contract.messages import NODE_PATTERN

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


def new_hub(board: Board, templates: Templates) -> LiveHub:
    """The hub of an application."""

    def render(subject: Subject) -> str:
        if subject.site is None:
            return templates.render("overview_live.html", subject.code, **overview_now(board))
        site = board.registry.site(subject.site)
        return templates.render("site_live.html", subject.code, **site_now(board, site))

    return LiveHub(board, render)


@router.get("/live", dependencies=[needs(Permission.SEE_DETAIL)])
def live(request: Request, board: BoardOf) -> Response:
    """All sites, the latest events, and the levels right now."""
    return page(request, "overview.html", live="/live/stream?", **overview_now(board))


@router.get("/live/stream", dependencies=[needs(Permission.SEE_DETAIL)])
async def stream(
    request: Request,
    board: BoardOf,
    visitor: VisitorOf,
    lang: Code,
    site: Annotated[str | None, Query(pattern=NODE_PATTERN)] = None,
) -> Response:
    """What changes on those pages, as server-sent events, for as long as somebody looks."""
    if site is not None:
        await asyncio.to_thread(known_site, board, site)
    hub: LiveHub = request.app.state.live_hub
    return streamed(news_of(hub, Subject(lang, site), lambda: goes_on(request, visitor)))
