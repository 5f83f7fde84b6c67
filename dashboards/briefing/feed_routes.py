"""Feeds: patrol windows as calendar and table, sites as GeoJSON, quarter-hours as NGSI-LD.

Plans are for those who may see them: by login, or by a secret link of that feed. Sites and
quarter-hours are for everybody where the public view is on, then without small counts.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response

from collector.errors import AnalysisError
from collector.feeds.patrol_calendar import patrol_calendar
from collector.feeds.patrol_csv import patrol_csv
from collector.feeds.sites_geojson import sites_geojson
from collector.feeds.weeks import PlannedWeek
from collector.ngsi_ld.entities import Entity, key_values, with_context
from collector.ngsi_ld.query import Query as EntityQuery
from collector.ngsi_ld.query import QueryError, read_query
from collector.registry.links import LINK_PATTERN, Purpose
from collector.writing import Code
from dashboards.briefing.access.dependencies import VisitorOf, needs
from dashboards.briefing.access.refusals import NotSignedInError
from dashboards.briefing.access.roles import Permission
from dashboards.briefing.api import BoardOf
from dashboards.briefing.feeds import Feeds
from dashboards.briefing.web import language_code, unless_known

# In no schema of ours: calendars and brokers have standards of their own.
router = APIRouter(include_in_schema=False)

_CALENDAR: Final = "text/calendar; charset=utf-8"
_TABLE: Final = "text/csv; charset=utf-8"
_GEOJSON: Final = "application/geo+json"
_LINKED_DATA: Final = "application/ld+json"
_PLAIN: Final = "application/json"
_ERRORS: Final = "https://uri.etsi.org/ngsi-ld/errors"
_MOST_ENTITIES: Final = 1000

Secret = Annotated[str, Path(pattern=LINK_PATTERN)]
Week = Annotated[str | None, Query(description="as in 2026-W48; else this week and the next")]
Windows = Annotated[int, Query(ge=1, le=50, description="how many a week")]
Hours = Annotated[int, Query(ge=1, le=12, description="how long each is")]


def _feeds(request: Request) -> Feeds:
    feeds: Feeds = request.app.state.feeds
    return feeds


FeedsOf = Annotated[Feeds, Depends(_feeds)]


@router.get("/feeds/patrols.ics", dependencies=[needs(Permission.SEE_PLAN)])
def calendar(
    request: Request, feeds: FeedsOf, week: Week = None, windows: Windows = 3, hours: Hours = 2
) -> Response:
    """Patrol windows as a calendar (RFC 5545)."""
    return _calendar(request, feeds, week, windows, hours)


@router.get("/feeds/{secret}/patrols.ics")
def calendar_by_link(
    request: Request,
    feeds: FeedsOf,
    secret: Secret,
    week: Week = None,
    windows: Windows = 3,
    hours: Hours = 2,
) -> Response:
    """The same for whoever has a link."""
    _require_link(feeds, secret, "patrols.ics")
    return _calendar(request, feeds, week, windows, hours)


@router.get("/feeds/patrols.csv", dependencies=[needs(Permission.SEE_PLAN)])
def table(
    request: Request, feeds: FeedsOf, week: Week = None, windows: Windows = 3, hours: Hours = 2
) -> Response:
    """Patrol windows as a table; ``lang=sv`` for spreadsheets there, ``lang=en`` for programs."""
    return _table(request, feeds, week, windows, hours)


@router.get("/feeds/{secret}/patrols.csv")
def table_by_link(
    request: Request,
    feeds: FeedsOf,
    secret: Secret,
    week: Week = None,
    windows: Windows = 3,
    hours: Hours = 2,
) -> Response:
    """The same for whoever has a link."""
    _require_link(feeds, secret, "patrols.csv")
    return _table(request, feeds, week, windows, hours)


@router.get("/feeds/sites.geojson")
def sites(request: Request, feeds: FeedsOf, board: BoardOf, visitor: VisitorOf) -> Response:
    """The sites as GeoJSON, each with its newest quarter-hour."""
    whole = _is_whole(feeds, visitor)
    found = sites_geojson(board.registry.inventory(), feeds.entities(whole=whole))
    return unless_known(request, msgspec.json.encode(found), _GEOJSON, language_code(request))


@router.get("/ngsi-ld/v1/entities")
def entities(
    request: Request,
    feeds: FeedsOf,
    visitor: VisitorOf,
    type_: Annotated[str | None, Query(alias="type")] = None,
    id_: Annotated[str | None, Query(alias="id")] = None,
    q: str | None = None,
    limit: Annotated[int, Query(ge=1, le=_MOST_ENTITIES)] = 20,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    """Entities of the newest quarter-hour: NoiseLevelObserved and TrafficFlowObserved."""
    found = feeds.entities(whole=_is_whole(feeds, visitor))
    return _queried(request, feeds, found, (type_, id_, q), limit, offset)


@router.get("/ngsi-ld/v1/entities/{entity_id}")
def entity(request: Request, feeds: FeedsOf, visitor: VisitorOf, entity_id: str) -> Response:
    """One entity."""
    found = feeds.entities(whole=_is_whole(feeds, visitor))
    chosen = EntityQuery(ids=frozenset({entity_id})).chosen(found)
    if not chosen:
        return _problem(404, "ResourceNotFound", f"there is no entity {entity_id[:100]}")
    return _linked(request, feeds, chosen, lambda shown: shown[0])


@router.get("/feeds/{secret}/ngsi-ld/v1/entities")
def entities_by_link(
    request: Request,
    feeds: FeedsOf,
    secret: Secret,
    type_: Annotated[str | None, Query(alias="type")] = None,
    id_: Annotated[str | None, Query(alias="id")] = None,
    q: str | None = None,
    limit: Annotated[int, Query(ge=1, le=_MOST_ENTITIES)] = 20,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    """The same with small counts, for whoever has a link."""
    _require_link(feeds, secret, "ngsi-ld")
    found = feeds.entities(whole=True)
    return _queried(request, feeds, found, (type_, id_, q), limit, offset)


def _require_link(feeds: Feeds, secret: str, purpose: Purpose) -> None:
    if feeds.links.find(secret, purpose) is None:
        raise HTTPException(404, "this link opens nothing: ask who gave it to you for a new one")


def _is_whole(feeds: Feeds, visitor: VisitorOf) -> bool:
    """Whether the visitor may see small counts; refused where nothing is public."""
    if visitor.session is None and not feeds.config.access.public_view:
        raise NotSignedInError(expired=visitor.expired)
    return visitor.may(Permission.SEE_DETAIL)


def _calendar(
    request: Request, feeds: Feeds, week: str | None, windows: int, hours: int
) -> Response:
    def made(weeks: Sequence[PlannedWeek], code: Code) -> bytes:
        return patrol_calendar(weeks, feeds.config.page, code)

    return _of_plan(request, feeds, (week, windows, hours), made, _CALENDAR)


def _table(request: Request, feeds: Feeds, week: str | None, windows: int, hours: int) -> Response:
    def made(weeks: Sequence[PlannedWeek], code: Code) -> bytes:
        return patrol_csv(weeks, code).encode()

    return _of_plan(request, feeds, (week, windows, hours), made, _TABLE)


def _of_plan(
    request: Request,
    feeds: Feeds,
    asked: tuple[str | None, int, int],
    made: Callable[[Sequence[PlannedWeek], Code], bytes],
    media_type: str,
) -> Response:
    try:
        weeks = feeds.weeks(*asked)
    except AnalysisError as error:
        raise HTTPException(422, str(error)) from error
    code = language_code(request)
    name = request.url.path.rpartition("/")[2]
    shown = {"Content-Disposition": f'inline; filename="skolro-{name}"'}
    return unless_known(request, made(weeks, code), media_type, code, **shown)


def _queried(
    request: Request,
    feeds: Feeds,
    found: Sequence[Entity],
    asked: tuple[str | None, str | None, str | None],
    limit: int,
    offset: int,
) -> Response:
    try:
        chosen = read_query(*asked).chosen(found)
    except QueryError as error:
        return _problem(400, "BadRequestData", str(error))
    answer = _linked(request, feeds, chosen[offset : offset + limit], list)
    answer.headers["NGSILD-Results-Count"] = str(len(chosen))
    return answer


def _linked(
    request: Request,
    feeds: Feeds,
    found: Sequence[Entity],
    shape: Callable[[list[Entity]], object],
) -> Response:
    """Answer as the client wants it: JSON-LD with its context within, or JSON that points to it."""
    context = feeds.config.ngsi_ld.context
    short = "keyValues" in request.query_params.get("options", "").split(",")
    shown = [key_values(one) if short else one for one in found]
    if _LINKED_DATA in request.headers.get("Accept", ""):
        media_type, headers = _LINKED_DATA, {}
        shown = [with_context(one, context) for one in shown]
    else:
        media_type = _PLAIN
        relation = 'rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
        headers = {"Link": f"<{context}>; {relation}"}
    body = msgspec.json.encode(shape(shown))
    headers |= {"Cache-Control": "private, no-cache", "Vary": "Accept, Cookie"}
    return Response(body, media_type=media_type, headers=headers)


def _problem(status: int, kind: str, detail: str) -> Response:
    """A problem as NGSI-LD tells it (RFC 7807)."""
    body = {"type": f"{_ERRORS}/{kind}", "title": kind, "status": status, "detail": detail}
    return Response(msgspec.json.encode(body), status, media_type="application/problem+json")
