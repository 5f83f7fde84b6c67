"""What followed the patrols at a site, in plain words."""

from collections.abc import Mapping
from datetime import UTC, datetime

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse

from collector.analysis.effect import Effect
from collector.analysis.ratio import Ratio
from collector.registry.registry import Site
from dashboards.briefing.access.dependencies import needs
from dashboards.briefing.access.roles import Permission
from dashboards.briefing.api import BoardOf
from dashboards.briefing.briefing_pages import planner_of
from dashboards.briefing.language import Language
from dashboards.briefing.planning import LastEffect
from dashboards.briefing.web import SiteId, known_site, page

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/effect/{site_id}", dependencies=[needs(Permission.SEE_PLAN)])
def effect(request: Request, board: BoardOf, site_id: SiteId) -> Response:
    """What followed the patrols at a site: with intervals, against other sites, and if it moved."""
    known = known_site(board, site_id)
    found, names = site_effect(request, known)
    return page(
        request,
        "effect.html",
        found=found,
        names=names,
        ratios_of=ratios_of,
        simulated=not board.ledger.has_measured(),
    )


def site_effect(request: Request, site: Site) -> tuple[LastEffect, dict[str, str]]:
    """The effect of the patrols at a site, and the names of all sites."""
    planner = planner_of(request)
    found = planner.effect(site, datetime.now(UTC))
    if found is None:
        raise HTTPException(404, f"no patrol at {site.id} is logged")
    return found, {one.id: one.name for one in planner.sites()}


def ratios_of(effect: Effect, names: Mapping[str, str], t: Language) -> dict[str, Ratio]:
    """All ratios of an effect by what they compare, in words."""
    ratios = {}
    if effect.comparison:
        ratios[t.text("effect.row_against")] = effect.ratio
    ratios[t.text("effect.row_own")] = effect.own_ratio
    ratios[t.text("effect.row_all")] = effect.town_ratio
    for site, ratio in effect.moved_to:
        ratios[t.text("effect.row_moved", site=names[site])] = ratio
    return ratios
