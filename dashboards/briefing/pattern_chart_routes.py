"""Drawings of patterns, effects and single events; their numbers stand beside them as text."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, HTTPException, Request, Response

from collector.charts import THEMES, Spec
from collector.charts import Theme as Look
from collector.event_charts import spectrum_chart, trace_chart
from collector.pattern_charts import effect_chart, episode_chart, rate_chart, speed_chart
from collector.writing import Code
from dashboards.briefing.access.dependencies import needs
from dashboards.briefing.access.roles import Permission
from dashboards.briefing.api import BoardOf
from dashboards.briefing.chart_routes import Theme, Width, drawing
from dashboards.briefing.effect_pages import ratios_of, site_effect
from dashboards.briefing.event_view import event_message
from dashboards.briefing.language import Language, language
from dashboards.briefing.renderer import Renderer
from dashboards.briefing.site_pages import views_of
from dashboards.briefing.web import EventId, SiteId, known_site, unless_known

_WIDTHS_PX: Final[dict[Width, int]] = {"narrow": 265, "wide": 560}
_LABELLED_PX: Final[dict[Width, int]] = {"narrow": 170, "wide": 460}
"""Of charts whose names stand to the left of the plot."""

router = APIRouter(prefix="/chart", include_in_schema=False)


@router.get("/rates/{site_id}.svg", dependencies=[needs(Permission.SEE_DETAIL)])
def rates(
    request: Request, board: BoardOf, site_id: SiteId, lang: Code, theme: Theme, width: Width
) -> Response:
    """How often, by hour of the week."""
    view = views_of(request).view(known_site(board, site_id), datetime.now(UTC))
    if view.rates is None:
        raise HTTPException(404, f"nothing was measured at {site_id}")
    found = view.rates
    return _drawn(
        request, ("rates", site_id, view.period.end), lang, theme, width,
        lambda t, look: rate_chart(
            found, words=t.pattern_words(), theme=look, width=_WIDTHS_PX[width]
        ),
    )  # fmt: skip


@router.get("/episodes/{site_id}.svg", dependencies=[needs(Permission.SEE_DETAIL)])
def episodes(
    request: Request, board: BoardOf, site_id: SiteId, lang: Code, theme: Theme, width: Width
) -> Response:
    """Episodes by day and time."""
    view = views_of(request).view(known_site(board, site_id), datetime.now(UTC))
    return _drawn(
        request, ("episodes", site_id, view.period.end), lang, theme, width,
        lambda t, look: episode_chart(
            view.episodes, view.period.start, view.period.end,
            zone=ZoneInfo(view.site.time_zone), words=t.pattern_words(), theme=look,
            width=_WIDTHS_PX[width],
        ),
    )  # fmt: skip


@router.get("/speeds/{site_id}.svg", dependencies=[needs(Permission.SEE_DETAIL)])
def speeds(
    request: Request, board: BoardOf, site_id: SiteId, lang: Code, theme: Theme, width: Width
) -> Response:
    """How many passes had which speed."""
    view = views_of(request).view(known_site(board, site_id), datetime.now(UTC))
    return _drawn(
        request, ("speeds", site_id, view.period.end), lang, theme, width,
        lambda t, look: speed_chart(
            view.speed_table, words=t.pattern_words(), theme=look, width=_WIDTHS_PX[width]
        ),
    )  # fmt: skip


@router.get("/effect/{site_id}.svg", dependencies=[needs(Permission.SEE_PLAN)])
def effect(
    request: Request, board: BoardOf, site_id: SiteId, lang: Code, theme: Theme, width: Width
) -> Response:
    """Rates after the patrols relative to before."""
    found, names = site_effect(request, known_site(board, site_id))
    if found.effect is None:
        raise HTTPException(404, f"no effect of patrols at {site_id} can be told")
    told = found.effect
    return _drawn(
        request, ("effect", site_id, told), lang, theme, width,
        lambda t, look: effect_chart(
            ratios_of(told, names, t), words=t.pattern_words(), theme=look,
            width=_LABELLED_PX[width],
        ),
    )  # fmt: skip


@router.get("/trace/{event_id}.svg", dependencies=[needs(Permission.SEE_DETAIL)])
def trace(
    request: Request, board: BoardOf, event_id: EventId, lang: Code, theme: Theme, width: Width
) -> Response:
    """An event's level, second by second."""
    message = event_message(board.ledger, board.ledger.event(event_id))
    if message is None:
        raise HTTPException(404, f"there is no event {event_id} whose message is kept")
    return _drawn(
        request, ("trace", event_id), lang, theme, width,
        lambda t, look: trace_chart(
            message.trace_lafmax_db, message.background_laf90_db, words=t.event_words(),
            theme=look, width=_WIDTHS_PX[width],
        ),
    )  # fmt: skip


@router.get("/spectrum/{event_id}.svg", dependencies=[needs(Permission.SEE_DETAIL)])
def spectrum(
    request: Request, board: BoardOf, event_id: EventId, lang: Code, theme: Theme, width: Width
) -> Response:
    """An event's third octaves."""
    message = event_message(board.ledger, board.ledger.event(event_id))
    if message is None or message.bands_db is None:
        raise HTTPException(404, f"there is no event {event_id} with a spectrum")
    bands_db = message.bands_db
    return _drawn(
        request, ("spectrum", event_id), lang, theme, width,
        lambda t, look: spectrum_chart(
            bands_db, words=t.event_words(), theme=look, width=_WIDTHS_PX[width]
        ),
    )  # fmt: skip


def _drawn(
    request: Request,
    key: tuple[object, ...],
    lang: Code,
    theme: Theme,
    width: Width,
    spec: Callable[[Language, Look], Spec],
) -> Response:
    renderer: Renderer = request.app.state.renderer

    def make() -> bytes:
        return renderer.svg(spec(language(lang), THEMES[theme]))

    content = drawing(request, (*key, lang, theme, width), make)
    return unless_known(request, content, "image/svg+xml", lang)
