"""Charts for the pages: what the browser draws live, and the drawing for those without script."""

from collections.abc import Callable
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from fastapi import APIRouter, Query, Request, Response

from collector.charts import THEMES, EventPoint, Spec, level_chart
from collector.ledger.ledger import EventRow
from collector.writing import Code
from dashboards.briefing.access.dependencies import needs
from dashboards.briefing.access.roles import Permission
from dashboards.briefing.api import BoardOf
from dashboards.briefing.board import Board, SiteLevels
from dashboards.briefing.cache import Cache
from dashboards.briefing.language import Language, language
from dashboards.briefing.renderer import Renderer
from dashboards.briefing.web import SiteId, known_site, unless_known

OVERVIEW_HOURS: Final = 6
SITE_HOURS: Final = 24

Width: TypeAlias = Literal["narrow", "wide"]
Theme: TypeAlias = Literal["light", "dark"]
Hours = Annotated[int, Query(ge=1, le=48)]

WIDTHS_PX: Final[dict[Width, int]] = {"narrow": 320, "wide": 520}
"""Of the plot: for a phone of 390 pixels, and for a column of a wide page."""

_KEPT_S: Final = 15.0

router = APIRouter(prefix="/chart", include_in_schema=False)

Drawings: TypeAlias = Cache[tuple[object, ...], bytes]
"""Finished charts by all that they depend on."""


def new_drawings() -> Drawings:
    """Return an empty store of finished charts."""
    return Cache(_KEPT_S)


def minutes_of(hours: int) -> int:
    """Length of the periods in a chart of so many hours: some 70 to 190 points."""
    return 5 if hours <= OVERVIEW_HOURS else 15


@router.get("/vega.js")
def script(request: Request) -> Response:
    """The JavaScript that draws charts; its address tells its version."""
    renderer: Renderer = request.app.state.renderer
    kept = {"Cache-Control": "public, max-age=31536000, immutable", "Content-Encoding": "gzip"}
    return Response(renderer.script_gzip(), media_type="text/javascript", headers=kept)


@router.get("/levels/{site_id}.json", dependencies=[needs(Permission.SEE_DETAIL)])
def levels_json(
    request: Request,
    board: BoardOf,
    site_id: SiteId,
    lang: Code,
    theme: Theme,
    hours: Hours = OVERVIEW_HOURS,
) -> Response:
    """Specification of a chart that fills its element."""

    def make() -> bytes:
        return msgspec.json.encode(_levels(board, site_id, hours, lang, theme, "container"))

    content = drawing(request, ("json", site_id, hours, lang, theme), make)
    return unless_known(request, content, "application/json", lang)


@router.get("/levels/{site_id}.svg", dependencies=[needs(Permission.SEE_DETAIL)])
def levels_svg(
    request: Request,
    board: BoardOf,
    site_id: SiteId,
    lang: Code,
    theme: Theme,
    width: Width,
    hours: Hours = OVERVIEW_HOURS,
) -> Response:
    """The same chart, drawn."""
    renderer: Renderer = request.app.state.renderer

    def make() -> bytes:
        spec = _levels(board, site_id, hours, lang, theme, WIDTHS_PX[width])
        return renderer.svg(spec)

    content = drawing(request, ("svg", site_id, hours, lang, theme, width), make)
    return unless_known(request, content, "image/svg+xml", lang)


def drawing(request: Request, key: tuple[object, ...], make: Callable[[], bytes]) -> bytes:
    """A finished chart of that key, by `make` unless it was drawn just now."""
    drawings: Drawings = request.app.state.drawings
    return drawings.get(key, make)


def _levels(
    board: Board,
    site_id: str,
    hours: int,
    lang: Code,
    theme: Theme,
    width: int | Literal["container"],
) -> Spec:
    t = language(lang)
    site = known_site(board, site_id)
    levels: SiteLevels = board.site_levels(site, hours=hours, minutes=minutes_of(hours))
    return level_chart(
        levels.lines,
        [_point(event, t) for event in levels.events],
        zone=board.zone,
        words=t.chart_words(),
        theme=THEMES[theme],
        width=width,
    )


def _point(event: EventRow, t: Language) -> EventPoint:
    text = f"{t.level(event.lafmax_db)}, {t.text(f'source.{event.source}')}"
    if event.simulated:
        text = f"{text} ({t.text('simulated.tag')})"
    return EventPoint(event.start.timestamp(), event.lafmax_db, text)
