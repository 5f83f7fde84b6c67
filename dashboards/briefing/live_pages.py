"""What happens now: the page, and the stream of what changes on it and on the sites' pages."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, StreamingResponse

from dashboards.briefing.access.roles import Permission
from dashboards.briefing.access.visitor import VisitorOf, goes_on, needs
from dashboards.briefing.api import BoardOf
from dashboards.briefing.board import Board
from dashboards.briefing.language import Code
from dashboards.briefing.live_hub import LiveHub, Subject, sse
from dashboards.briefing.page_templates import Templates
from dashboards.briefing.pages import overview_now, site_now
from dashboards.briefing.web import known_site, page
from sensor.contract.messages import NODE_PATTERN

_SILENCE_S: Final = 30.0
"""After so long without a word the stream ends: the browser asks anew, and the hub begins anew."""

_LOOK_EVERY_S: Final = 30.0
"""How often it is seen whether the viewer's session still holds."""

_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

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
    return StreamingResponse(
        _messages(hub, Subject(lang, site), lambda: goes_on(request, visitor)),
        media_type="text/event-stream",
        headers=_HEADERS,
    )


async def _messages(
    hub: LiveHub, subject: Subject, goes_on: Callable[[], bool]
) -> AsyncIterator[bytes]:
    with hub.viewing(subject) as viewer:
        yield b"retry: 3000\n\n"
        with suppress(TimeoutError):
            looked_at = time.monotonic()
            while True:
                if time.monotonic() - looked_at >= _LOOK_EVERY_S:
                    looked_at = time.monotonic()
                    if not await asyncio.to_thread(goes_on):
                        yield sse("over", "")
                        return
                yield await asyncio.wait_for(viewer.queue.get(), _SILENCE_S)
