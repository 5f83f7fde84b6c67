"""The nodes, for technicians; and what is measured at all, for everybody."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from collector.operations.operations import Operations
from dashboards.briefing.access.roles import Permission
from dashboards.briefing.access.visitor import needs
from dashboards.briefing.api import BoardOf
from dashboards.briefing.fleet_view import DAY, WEEK, Fleets
from dashboards.briefing.web import page

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/fleet", dependencies=[needs(Permission.SEE_FLEET)])
def fleet(request: Request) -> Response:
    """How the nodes do."""
    fleets: Fleets = request.app.state.fleets
    operations: Operations | None = request.app.state.operations
    found = fleets.fleet()
    return page(
        request,
        "fleet.html",
        fleet=found,
        problems=operations.problems() if operations else [],
        day_s=DAY.total_seconds(),
        week_s=WEEK.total_seconds(),
        simulated=any(node.state.simulated for node in found.nodes),
    )


@router.get("/about")
def about(request: Request, board: BoardOf) -> Response:
    """What is measured and what is not, privacy, and what the numbers may be used for."""
    sites = board.registry.sites()
    return page(request, "about.html", sites=sites, simulated=not board.ledger.has_measured())
