"""The disturbance log: three taps on a phone, and what was measured then.

By login in a role that may, or by a secret link of one school, which needs none: the link itself
is what others do not know, so that no form of theirs can use it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, get_args
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, HTTPException, Path, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from collector.analysis.disturbances import What, When
from collector.registry.disturbances import MOST_NOTE, OLDEST, Disturbance, DisturbanceError
from collector.registry.inventory import Site
from collector.registry.links import Link
from dashboards.briefing.access.csrf import CSRF_CHECKED
from dashboards.briefing.access.dependencies import VisitorOf, needs
from dashboards.briefing.access.refusals import UsedLinkError
from dashboards.briefing.access.roles import Permission
from dashboards.briefing.access.visitor import Visitor
from dashboards.briefing.api import BoardOf
from dashboards.briefing.board import Board
from dashboards.briefing.disturbances import DisturbanceLog
from dashboards.briefing.web import page

_SEE_OTHER: Final = 303
_LISTED: Final = 5
_TOO_MANY: Final = 429
_WRONG: Final = 422
_MINUTES: Final = "%Y-%m-%dT%H:%M"

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

# Links get cut off in mail: that is said like any other that opens nothing.
Secret = Annotated[str, Path(max_length=200)]
Number = Annotated[int, Path(ge=1, le=2**53)]
Field = Annotated[str, Form(max_length=2000)]


@dataclass(frozen=True, slots=True)
class Told:
    """What was sent, as it was written."""

    site: str = ""
    what: str = ""
    when: str = "now"
    at: str = ""
    note: str = ""

    def moment(self, site: Site) -> datetime | None:
        """The time that was picked, which is local there; None: none, or it cannot be read."""
        try:
            at = datetime.strptime(self.at[: len("2026-11-22T10:00")], _MINUTES)  # noqa: DTZ007
            return at.replace(tzinfo=ZoneInfo(site.time_zone)).astimezone(UTC)
        except (ValueError, OverflowError):
            return None


@dataclass(frozen=True, slots=True)
class Way:
    """How somebody got here: `base` is where the log is for them."""

    base: str
    told_by: str
    sites: tuple[Site, ...]
    link: Link | None = None


def _told(
    site: Field = "", what: Field = "", when: Field = "now", at: Field = "", note: Field = ""
) -> Told:
    return Told(site, what, when, at, note)


def _log(request: Request) -> DisturbanceLog:
    log: DisturbanceLog = request.app.state.disturbances
    return log


LogOf = Annotated[DisturbanceLog, Depends(_log)]
ToldOf = Annotated[Told, Depends(_told)]
_MAY_TELL: Final = needs(Permission.REPORT_DISTURBANCE)


@router.get("/disturbances", dependencies=[_MAY_TELL])
def form(request: Request, board: BoardOf, log: LogOf, visitor: VisitorOf) -> Response:
    """Tell of a disturbance, in three taps."""
    return _form(request, log, _by_login(board, visitor), Told())


@router.post("/disturbances", dependencies=[_MAY_TELL, CSRF_CHECKED])
def tell(
    request: Request, board: BoardOf, log: LogOf, visitor: VisitorOf, told: ToldOf
) -> Response:
    """Log it, and go to the answer."""
    return _tell(request, log, _by_login(board, visitor), told)


@router.get("/disturbances/{number}", dependencies=[_MAY_TELL])
def told_before(
    request: Request, board: BoardOf, log: LogOf, visitor: VisitorOf, number: Number
) -> Response:
    """What was measured then."""
    return _answer(request, log, _by_login(board, visitor), number)


@router.get("/d/{secret}")
def form_by_link(request: Request, board: BoardOf, log: LogOf, secret: Secret) -> Response:
    """The same for a school's link."""
    return _form(request, log, _by_link(board, log, secret), Told())


@router.post("/d/{secret}")
def tell_by_link(
    request: Request, board: BoardOf, log: LogOf, secret: Secret, told: ToldOf
) -> Response:
    """The same for a school's link."""
    return _tell(request, log, _by_link(board, log, secret), told)


@router.get("/d/{secret}/{number}")
def told_before_by_link(
    request: Request, board: BoardOf, log: LogOf, secret: Secret, number: Number
) -> Response:
    """The same for a school's link."""
    return _answer(request, log, _by_link(board, log, secret), number)


def _by_login(board: Board, visitor: Visitor) -> Way:
    account = visitor.account
    if account is None:
        raise HTTPException(401, "log in first, at /login")
    return Way("/disturbances", account.name, tuple(board.registry.sites()))


def _by_link(board: Board, log: DisturbanceLog, secret: str) -> Way:
    link = log.links.find(secret, "disturbance")
    if link is None or link.site is None:
        raise UsedLinkError
    return Way(f"/d/{secret}", f"link {link.id}", (board.registry.site(link.site),), link)


def _form(
    request: Request,
    log: DisturbanceLog,
    way: Way,
    told: Told,
    *,
    fault: str | None = None,
) -> Response:
    status_code = 200 if fault is None else _TOO_MANY if fault == "many" else _WRONG
    return page(
        request,
        "disturbance.html",
        status_code=status_code,
        way=way,
        told=told,
        fault=fault,
        whats=get_args(What),
        whens=get_args(When),
        most=MOST_NOTE,
        kept_days=log.kept_days,
        oldest=datetime.now(UTC) - OLDEST,
        latest={site.id: log.latest(site.id, _LISTED) for site in way.sites[:1]},
    )


def _tell(request: Request, log: DisturbanceLog, way: Way, told: Told) -> Response:
    name = told.site if way.link is None else way.sites[0].id
    site = next((one for one in way.sites if one.id == name), None)
    if site is None:
        return _form(request, log, way, told, fault="site")
    try:
        logged = log.disturbances.add(
            site.id, told.what, told.moment(site), way.told_by, when=told.when, note=told.note
        )
    except DisturbanceError as error:
        return _form(request, log, way, told, fault=error.part)
    return RedirectResponse(f"{way.base}/{logged.id}", _SEE_OTHER)


def _answer(request: Request, log: DisturbanceLog, way: Way, number: int) -> Response:
    told = log.disturbances.get(number)
    if told is None or not _may_read(way, told):
        raise HTTPException(404, f"there is no disturbance {number} of yours")
    site = next(one for one in way.sites if one.id == told.site)
    values: dict[str, Any] = {"way": way, "told": told, "site": site, "found": log.answer(told)}
    return page(request, "disturbance_answer.html", **values)


def _may_read(way: Way, told: Disturbance) -> bool:
    return any(site.id == told.site for site in way.sites) and (
        way.link is None or told.told_by == way.told_by
    )
