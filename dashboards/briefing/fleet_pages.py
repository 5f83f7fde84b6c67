"""The nodes, for technicians; and what is measured at all, for everybody."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse

from collector.alerts.alert import as_alert
from collector.alerts.condition import Condition
from collector.alerts.server_rules import certificate_needs
from collector.alerts.wording import Wording
from collector.charts import THEMES
from collector.node_charts import HourValue, ValueAxis, hours_chart
from collector.operations.operations import PARTS, Operations
from collector.writing import Code
from dashboards.briefing.access.dependencies import needs
from dashboards.briefing.access.roles import Permission
from dashboards.briefing.api import BoardOf
from dashboards.briefing.board import Board
from dashboards.briefing.chart_routes import Theme, Width, drawing
from dashboards.briefing.fleet_view import DAY, WEEK, Fleets
from dashboards.briefing.language import language
from dashboards.briefing.node_view import QUANTITIES, node_hours, node_page, shown, values
from dashboards.briefing.renderer import Renderer
from dashboards.briefing.web import NodeId, language_code, page, unless_known

_WIDTHS_PX: Final[dict[Width, int]] = {"narrow": 265, "wide": 440}

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
chart_router = APIRouter(prefix="/chart", include_in_schema=False)


@router.get("/fleet", dependencies=[needs(Permission.SEE_FLEET)])
def fleet(request: Request, board: BoardOf) -> Response:
    """How the nodes do."""
    fleets: Fleets = request.app.state.fleets
    operations: Operations | None = request.app.state.operations
    found = fleets.fleet()
    now = datetime.now(UTC)
    ending = certificate_needs(operations.certificates, fleets.rules, now) if operations else []
    return page(
        request,
        "fleet.html",
        fleet=found,
        told=teller(request, board, now),
        ending=ending,
        problems=operations.problems() if operations else [],
        problem_parts=PARTS,
        day_s=DAY.total_seconds(),
        week_s=WEEK.total_seconds(),
        simulated=any(node.state.simulated for node in found.nodes),
    )


@router.get("/fleet/{node_id}", dependencies=[needs(Permission.SEE_FLEET)])
def node(request: Request, board: BoardOf, node_id: NodeId) -> Response:
    """How one node did over the last weeks."""
    fleets: Fleets = request.app.state.fleets
    now = datetime.now(UTC)
    found = node_page(board, fleets, node_id, now)
    if found is None:
        raise HTTPException(404, f"there is no node {node_id}")
    return page(
        request,
        "node.html",
        view=found,
        told=teller(request, board, now),
        day_s=DAY.total_seconds(),
        week_s=WEEK.total_seconds(),
        simulated=found.node.state.simulated,
    )


@chart_router.get("/node/{node_id}/{quantity}.svg", dependencies=[needs(Permission.SEE_FLEET)])
def node_chart(
    request: Request,
    board: BoardOf,
    node_id: NodeId,
    quantity: str,
    lang: Code,
    theme: Theme,
    width: Width,
) -> Response:
    """One quantity of a node over the last weeks."""
    fleets: Fleets = request.app.state.fleets
    view = next((one for one in fleets.fleet().nodes if one.id == node_id), None)
    if view is None or quantity not in QUANTITIES:
        raise HTTPException(404, f"there is no chart of {quantity[:40]} of a node {node_id}")
    t = language(lang)
    now = datetime.now(UTC)

    def make() -> bytes:
        start, end = shown(board, now)
        renderer: Renderer = request.app.state.renderer
        told = values(node_hours(board, view, now), quantity)
        return renderer.svg(
            hours_chart(
                told,
                start,
                end,
                day=t.day_short,
                axis=ValueAxis(t.text(f"node.unit_{quantity}"), _limit(quantity, told)),
                words=t.pattern_words(),
                theme=THEMES[theme],
                width=_WIDTHS_PX[width],
            )
        )

    content = drawing(request, ("node", node_id, quantity, lang, theme, width), make)
    return unless_known(request, content, "image/svg+xml", lang)


def _limit(quantity: str, told: Sequence[HourValue]) -> float | None:
    """The limit, where values come anywhere near it: else it would only press them flat."""
    limit = QUANTITIES[quantity].limit
    highest = max((one.value for one in told), default=0.0)
    return limit if limit is not None and highest >= limit / 2 else None


def teller(request: Request, board: Board, now: datetime) -> Callable[[Condition], str]:
    """How what a node needs is put into words, without where it hangs."""
    words = Wording(language_code(request), board.zone, board.registry.inventory().sites)
    return lambda one: words.line(as_alert(one, now), now, with_place=False)


@router.get("/about")
def about(request: Request, board: BoardOf) -> Response:
    """What is measured and what is not, privacy, and what the numbers may be used for."""
    sites = board.registry.sites()
    return page(request, "about.html", sites=sites, simulated=not board.ledger.has_measured())
