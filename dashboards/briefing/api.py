"""The JSON API: what the pages show, for programs."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import AwareDatetime, BeforeValidator

from collector.errors import RegistryError
from collector.ledger.ledger import EventRow
from dashboards.briefing.access.dependencies import needs
from dashboards.briefing.access.roles import Permission
from dashboards.briefing.api_models import (
    EventOut,
    HourOut,
    LevelsOut,
    NodeOut,
    Problem,
    SiteOut,
    SummaryOut,
)
from dashboards.briefing.board import Board, NodeStatus, SiteStatus
from sensor.contract.messages import NODE_PATTERN

LONGEST_LEVELS: Final = timedelta(days=1)
MOST_EVENTS: Final = 1000

_DATE_AND_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d")

_Answers = dict[int | str, dict[str, Any]]
UNREADABLE: Final[_Answers] = {503: {"model": Problem, "description": "Ledger unreadable"}}
_WRONG: Final[_Answers] = {
    404: {"model": Problem, "description": "Unknown site or node"},
    422: {"model": Problem, "description": "A parameter that cannot be used"},
}

_REFUSED: Final[_Answers] = {
    401: {"model": Problem, "description": "Not logged in"},
    403: {"model": Problem, "description": "Logged in, in a role that may not"},
}

router = APIRouter(
    prefix="/api/v1",
    tags=["measurements"],
    dependencies=[needs(Permission.SEE_DETAIL)],
    responses=UNREADABLE | _REFUSED,
)

Id = Annotated[str, Query(pattern=NODE_PATTERN)]


def _written_out(value: object) -> object:
    # A bare number would be taken for seconds or for milliseconds since 1970, by its size.
    if isinstance(value, str) and not _DATE_AND_TIME.match(value):
        raise ValueError("a time is written as in 2026-11-22T10:00:00Z")
    return value


Time = Annotated[AwareDatetime, BeforeValidator(_written_out)]
From = Annotated[Time | None, Query(alias="from", description="RFC 3339, included")]
To = Annotated[Time | None, Query(alias="to", description="RFC 3339, excluded")]


def board_of(request: Request) -> Board:
    """The board that the application was made with."""
    board: Board = request.app.state.board
    return board


BoardOf = Annotated[Board, Depends(board_of)]


@router.get("/sites")
def sites(board: BoardOf) -> list[SiteOut]:
    """All sites, those with most events today first."""
    return [_site(status) for status in board.sites(datetime.now(UTC))]


@router.get("/nodes")
def nodes(board: BoardOf) -> list[NodeOut]:
    """All sensor nodes by id."""
    return [_node(status) for status in board.nodes(datetime.now(UTC))]


@router.get("/events", responses=_WRONG)
def events(
    board: BoardOf,
    site: Id | None = None,
    node: Id | None = None,
    start: From = None,
    end: To = None,
    limit: Annotated[int, Query(ge=1, le=MOST_EVENTS)] = 100,
) -> list[EventOut]:
    """Events that began within [from, to), newest first."""
    _require_known(board, site, node)
    begin, stop = _period(start, end)
    rows = board.ledger.events(site=site, node=node, start=begin, end=stop, limit=limit)
    return [_event(row) for row in rows]


@router.get("/levels", responses=_WRONG)
def levels(board: BoardOf, node: Id, start: From = None, end: To = None) -> LevelsOut:
    """Levels of the intervals that begin within [from, to), at most a day; else the last hour."""
    _require_known(board, None, node)
    begin, stop = _period(start, end)
    if stop is None:
        stop = datetime.now(UTC) if begin is None else begin + LONGEST_LEVELS
    if begin is None:
        begin = stop - timedelta(hours=1)
    if stop - begin > LONGEST_LEVELS:
        raise _wrong("to", "levels are given for at most a day at a time: bring to nearer to from")
    return LevelsOut.model_validate(board.ledger.levels(node, begin, stop))


@router.get("/summary")
def summary(board: BoardOf) -> SummaryOut:
    """How much the ledger holds."""
    counts = board.ledger.counts()
    inventory = board.registry.inventory()
    states = board.ledger.node_states()
    return SummaryOut(
        messages=counts.messages,
        by_kind=dict(counts.by_kind),
        quarantined=counts.quarantined,
        sites=len(inventory.sites),
        nodes=len(inventory.nodes),
        nodes_online=sum(
            node in states and states[node].online is True for node in inventory.nodes
        ),
    )


def _require_known(board: Board, site: str | None, node: str | None) -> None:
    try:
        if site is not None:
            board.registry.site(site)
        if node is not None:
            board.registry.node(node)
    except RegistryError as error:
        raise HTTPException(404, str(error)) from error


def _period(
    start: datetime | None, end: datetime | None
) -> tuple[datetime | None, datetime | None]:
    begin = None if start is None else _utc("from", start)
    stop = None if end is None else _utc("to", end)
    if begin is not None and stop is not None and begin >= stop:
        raise _wrong("to", "to must be later than from")
    return begin, stop


def _utc(name: str, moment: datetime) -> datetime:
    # The day before the first and after the last that a clock can tell are no times in UTC.
    if not 1900 <= moment.year <= 2900:
        raise _wrong(name, "the year must be between 1900 and 2900")
    return moment.astimezone(UTC)


def _wrong(name: str, text: str) -> RequestValidationError:
    return RequestValidationError([{"loc": ("query", name), "msg": text, "type": "value_error"}])


def _site(status: SiteStatus) -> SiteOut:
    site = status.site
    return SiteOut(
        id=site.id,
        name=site.name,
        municipality=site.municipality,
        latitude=site.latitude,
        longitude=site.longitude,
        time_zone=site.time_zone,
        nodes=[node.id for node in status.nodes],
        nodes_online=status.nodes_online,
        events_today=status.events_today,
        measured_today_s=status.measured_s,
        latest_event=None if status.latest is None else _event(status.latest),
        simulated=status.simulated,
    )


def _node(status: NodeStatus) -> NodeOut:
    state = status.state
    return NodeOut(
        id=status.id,
        site=status.site,
        online=state.online,
        online_changed_at=state.online_changed_at,
        last_time=state.last_time,
        last_received_at=state.last_received_at,
        acked_seq=state.acked_seq,
        highest_seq=state.highest_seq,
        chain_breaks=state.chain_breaks,
        laeq_now_db=None if status.live is None else status.live.laeq_db,
        last_hour=HourOut.model_validate(status.hour),
        simulated=status.simulated,
    )


def _event(row: EventRow) -> EventOut:
    return EventOut.model_validate(row)
