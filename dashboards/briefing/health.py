"""For those who keep the server running: health, and metrics for Prometheus."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Request, Response
from starlette.exceptions import HTTPException

from collector.operations.metrics import Metrics
from collector.operations.operations import Operations
from dashboards.briefing.api import UNREADABLE, BoardOf
from dashboards.briefing.api_models import HealthOut, ProblemOut

router = APIRouter(tags=["server"], responses=UNREADABLE)

_UNAVAILABLE: Final = 503
_NOT_SO: Final[dict[int | str, dict[str, object]]] = {
    _UNAVAILABLE: {"model": HealthOut, "description": "It is not, and this is why"}
}


def _operations(request: Request) -> Operations | None:
    operations: Operations | None = request.app.state.operations
    return operations


OperationsOf = Annotated[Operations | None, Depends(_operations)]


@router.get("/health")
def health(board: BoardOf, operations: OperationsOf) -> HealthOut:
    """Whether the server answers and can read its ledger, and whatever else is wrong."""
    board.ledger.cursor("health")
    return _health(operations)


@router.get("/health/live", responses=_NOT_SO)
def live(operations: OperationsOf, response: Response) -> HealthOut:
    """Whether the collector moves; if not, only a restart helps."""
    found = _health(operations)
    if not found.live:
        response.status_code = _UNAVAILABLE
    return found


@router.get("/health/ready", responses=_NOT_SO)
def ready(operations: OperationsOf, response: Response) -> HealthOut:
    """Whether the collector does all that it should."""
    found = _health(operations)
    if not found.ready:
        response.status_code = _UNAVAILABLE
    return found


@router.get("/metrics", include_in_schema=False)
def metrics(request: Request, accept: Annotated[str, Header()] = "") -> Response:
    """All metrics, as Prometheus or OpenMetrics wants them."""
    told: Metrics | None = request.app.state.metrics
    if told is None:
        raise HTTPException(404, "nothing is collected here, so there are no metrics")
    text, media_type = told.exposition(accept)
    return Response(text, headers={"Content-Type": media_type})


def _health(operations: Operations | None) -> HealthOut:
    problems = [] if operations is None else operations.problems()
    is_live = operations is None or operations.is_live
    return HealthOut(
        status="ok" if not problems else "not_ready" if is_live else "failed",
        live=is_live,
        ready=not problems,
        problems=[ProblemOut(part=one.part, text=one.text) for one in problems],
    )
