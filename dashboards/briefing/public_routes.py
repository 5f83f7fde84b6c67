"""The pages and the API for everybody, without a login."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse

from collector.charts import THEMES, LevelLine, level_chart
from collector.registry.registry import Site
from collector.writing import Code
from dashboards.briefing.access.dependencies import AccessOf, VisitorOf
from dashboards.briefing.access.refusals import NotSignedInError
from dashboards.briefing.api import UNREADABLE, BoardOf, Id
from dashboards.briefing.api_models import Problem, QuarterOut, SiteQuartersOut
from dashboards.briefing.board import Board
from dashboards.briefing.cache import Cache
from dashboards.briefing.chart_routes import WIDTHS_PX, Theme, Width
from dashboards.briefing.language import language
from dashboards.briefing.quarters import SiteQuarters, last_whole, site_quarters
from dashboards.briefing.renderer import Renderer
from dashboards.briefing.web import SiteId, known_site, page, unless_known

_KEPT_S: Final = 30.0


def _is_shown(visitor: VisitorOf, access: AccessOf) -> None:
    # Whoever is logged in, in whatever role, sees at least this.
    if visitor.session is None and not access.config.access.public_view:
        raise NotSignedInError(expired=visitor.expired)


router = APIRouter(include_in_schema=False, dependencies=[Depends(_is_shown)])
api_router = APIRouter(
    prefix="/api/v1",
    tags=["for everybody"],
    dependencies=[Depends(_is_shown)],
    responses=UNREADABLE,
)

Kept = Cache[tuple[str, datetime], SiteQuarters]
"""Quarter-hours by site and end: many look, and they change four times an hour."""


def new_kept() -> Kept:
    """Return an empty store of quarter-hours."""
    return Cache(_KEPT_S)


def new_drawings() -> Cache[tuple[object, ...], bytes]:
    """Return an empty store of their charts."""
    return Cache(_KEPT_S)


@router.get("/public", response_class=HTMLResponse)
def overview(request: Request, board: BoardOf) -> Response:
    """All sites: the level of the last hours in a chart."""
    sites = sorted(board.registry.sites(), key=lambda one: one.name.casefold())
    shown = [_quarters(request, board, one) for one in sites]
    return page(
        request,
        "public.html",
        sites=shown,
        small_count=request.app.state.access.config.access.small_count,
        simulated=any(one.simulated for one in shown),
    )


@router.get("/public/site/{site_id}", response_class=HTMLResponse)
def site(request: Request, board: BoardOf, site_id: SiteId) -> Response:
    """One site: each quarter-hour of the last day."""
    shown = _quarters(request, board, known_site(board, site_id))
    return page(
        request,
        "public_site.html",
        shown=shown,
        small_count=request.app.state.access.config.access.small_count,
        simulated=shown.simulated,
    )


@router.get("/public/chart/{site_id}.svg")
def chart(
    request: Request, board: BoardOf, site_id: SiteId, lang: Code, theme: Theme, width: Width
) -> Response:
    """Levels of the last day by quarter-hours, drawn."""
    shown = _quarters(request, board, known_site(board, site_id))
    renderer: Renderer = request.app.state.renderer
    drawings: Cache[tuple[object, ...], bytes] = request.app.state.public_drawings

    def draw() -> bytes:
        spec = level_chart(
            [LevelLine(shown.site.name, shown.levels)],
            [],
            zone=board.zone,
            words=language(lang).chart_words(),
            theme=THEMES[theme],
            width=WIDTHS_PX[width],
        )
        return renderer.svg(spec)

    content = drawings.get((site_id, lang, theme, width, shown.quarters[-1].start), draw)
    return unless_known(request, content, "image/svg+xml", lang)


@api_router.get(
    "/quarters",
    responses={404: {"model": Problem}, 422: {"model": Problem}, 401: {"model": Problem}},
)
def quarters(request: Request, board: BoardOf, site: Id | None = None) -> list[SiteQuartersOut]:
    """Quarter-hours of the last day, without a login.

    `events` is null where they were few, `laeq_db` where less than half was measured.
    """
    chosen: Iterable[Site] = board.registry.sites() if site is None else [known_site(board, site)]
    return [_out(_quarters(request, board, one)) for one in chosen]


def _quarters(request: Request, board: Board, site: Site) -> SiteQuarters:
    end = last_whole(datetime.now(UTC))
    kept: Kept = request.app.state.quarters
    small_count: int = request.app.state.access.config.access.small_count
    return kept.get((site.id, end), lambda: site_quarters(board, site, end, small_count))


def _out(shown: SiteQuarters) -> SiteQuartersOut:
    return SiteQuartersOut(
        site=shown.site.id,
        name=shown.site.name,
        municipality=shown.site.municipality,
        simulated=shown.simulated,
        quarters=[QuarterOut.model_validate(one) for one in shown.quarters],
    )
