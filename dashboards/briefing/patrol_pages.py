"""The patrol log: enter, list, correct and take back patrols; and what followed them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, HTTPException, Path, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from collector.errors import RegistryError
from collector.registry.registry import Patrol, PatrolChangedError, Registry, Site
from dashboards.briefing.access.csrf import CSRF_CHECKED
from dashboards.briefing.access.dependencies import VisitorOf, needs
from dashboards.briefing.access.roles import Permission
from dashboards.briefing.access.visitor import Visitor
from dashboards.briefing.api import BoardOf
from dashboards.briefing.briefing_pages import SEE_OTHER, planner_of
from dashboards.briefing.patrol_form import LONGEST_NOTE, Faults, PatrolForm
from dashboards.briefing.planning import USUAL_HOURS, USUAL_WINDOWS, Briefing
from dashboards.briefing.web import page

_NOW_SITES: Final = 6
_LISTED: Final = 100
_USUAL: Final = timedelta(hours=1)
_STEP_S: Final = 300

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

Number = Annotated[int, Path(ge=1, le=2**53)]
Field = Annotated[str, Form(max_length=2000)]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A patrol that takes one tap to log."""

    site: Site
    start: datetime
    end: datetime


def patrol_form(
    site: Field = "",
    start: Field = "",
    end: Field = "",
    note: Field = "",
    version: Annotated[int, Form(ge=1)] = 1,
) -> PatrolForm:
    """What was sent."""
    return PatrolForm(site, start, end, note, version)


FormOf = Annotated[PatrolForm, Depends(patrol_form)]


@router.get("/patrols", dependencies=[needs(Permission.SEE_PLAN)])
def patrols(
    request: Request, board: BoardOf, logged: Annotated[int | None, Query(ge=1)] = None
) -> Response:
    """Enter a patrol, and what was logged."""
    return _log(request, board.registry, PatrolForm(), {}, logged=logged)


@router.post("/patrols", dependencies=[needs(Permission.LOG_PATROL), CSRF_CHECKED])
def log_patrol(request: Request, board: BoardOf, visitor: VisitorOf, form: FormOf) -> Response:
    """Log a patrol."""
    registry = board.registry
    made, faults = form.patrol(registry.inventory().sites, datetime.now(UTC), _name(visitor))
    if made is None:
        return _log(request, registry, form, faults)
    # A button that was tapped twice is one patrol.
    same = (one.id for one in registry.patrols(made.site) if _same(one, made))
    number = next(same, None) or registry.add_patrol(made)
    return RedirectResponse(f"/patrols?logged={number}", SEE_OTHER)


@router.get("/patrols/{number}", dependencies=[needs(Permission.LOG_PATROL)])
def patrol(request: Request, board: BoardOf, number: Number) -> Response:
    """Correct or take back a patrol."""
    known = _known(board.registry, number)
    form = PatrolForm.of(known, board.registry.site(known.site))
    return _edit(request, board.registry, known, form, {})


@router.post("/patrols/{number}", dependencies=[needs(Permission.LOG_PATROL), CSRF_CHECKED])
def change_patrol(
    request: Request, board: BoardOf, visitor: VisitorOf, number: Number, form: FormOf
) -> Response:
    """Correct a patrol, unless somebody else has been faster."""
    registry = board.registry
    sites = registry.inventory().sites
    made, faults = form.patrol(sites, datetime.now(UTC), _name(visitor), number)
    if made is None:
        return _edit(request, registry, _known(registry, number), form, faults)
    try:
        registry.change_patrol(made)
    except PatrolChangedError as error:
        return _conflict(request, registry, number, form, error.current)
    return RedirectResponse(f"/patrols?logged={number}", SEE_OTHER)


@router.post("/patrols/{number}/remove", dependencies=[needs(Permission.LOG_PATROL), CSRF_CHECKED])
def remove_patrol(
    request: Request, board: BoardOf, number: Number, version: Annotated[int, Form(ge=1)]
) -> Response:
    """Take back a patrol, unless somebody has changed it."""
    registry = board.registry
    known = _known(registry, number)
    form = PatrolForm.of(known, registry.site(known.site))
    try:
        registry.remove_patrol(number, version)
    except PatrolChangedError as error:
        return _conflict(request, registry, number, form, error.current, removing=True)
    return RedirectResponse("/patrols", SEE_OTHER)


def _log(
    request: Request,
    registry: Registry,
    form: PatrolForm,
    faults: Faults,
    *,
    logged: int | None = None,
) -> Response:
    now = datetime.now(UTC)
    made = planner_of(request).briefing(now, windows=USUAL_WINDOWS, hours=USUAL_HOURS)
    listed = [(one, registry.site(one.site)) for one in reversed(registry.patrols())]
    return page(
        request,
        "patrols.html",
        status_code=422 if faults else 200,
        **_fields(registry, form, faults),
        made=made,
        names={site.id: site.name for site in registry.sites()},
        suggested=_suggested(made, registry.patrols()),
        here=_here(made, registry, now),
        listed=listed[:_LISTED],
        more=max(0, len(listed) - _LISTED),
        logged=next(((one, at) for one, at in listed if one.id == logged), None),
    )


def _edit(
    request: Request, registry: Registry, known: Patrol, form: PatrolForm, faults: Faults
) -> Response:
    values = _fields(registry, form, faults)
    status_code = 422 if faults else 200
    return page(request, "patrol.html", status_code=status_code, patrol=known, **values)


def _conflict(
    request: Request,
    registry: Registry,
    number: int,
    form: PatrolForm,
    current: Patrol | None,
    *,
    removing: bool = False,
) -> Response:
    theirs = None if current is None else PatrolForm.of(current, registry.site(current.site))
    return page(
        request,
        "patrol_conflict.html",
        status_code=409,
        number=number,
        mine=form,
        current=current,
        theirs=theirs,
        removing=removing,
        names={site.id: site.name for site in registry.sites()},
    )


def _fields(registry: Registry, form: PatrolForm, faults: Faults) -> dict[str, Any]:
    return {
        "form": form,
        "faults": faults,
        "sites": registry.sites(),
        "longest_note": LONGEST_NOTE,
    }


def _suggested(made: Briefing, patrols: Sequence[Patrol]) -> list[Suggestion]:
    """The windows that last week's plan had, newest first, unless they are logged."""
    return [
        Suggestion(one.site, one.start, one.end)
        for one in reversed(made.earlier)
        if not any(
            patrol.site == one.site.id and patrol.start < one.end and patrol.end > one.start
            for patrol in patrols
        )
    ]


def _here(made: Briefing, registry: Registry, now: datetime) -> list[Suggestion]:
    """An hour from now on at the sites that patrols go to first."""
    likely = [one.site.id for one in (*made.windows, *made.missed, *made.earlier)]
    likely += [one.site for one in reversed(registry.patrols())]
    sites = registry.inventory().sites
    chosen = list(dict.fromkeys([*likely, *sites]))[:_NOW_SITES]
    start = datetime.fromtimestamp(now.timestamp() // _STEP_S * _STEP_S, UTC)
    return [Suggestion(sites[one], start, start + _USUAL) for one in chosen]


def _same(one: Patrol, other: Patrol) -> bool:
    return (one.site, one.start, one.end) == (other.site, other.start, other.end)


def _known(registry: Registry, number: int) -> Patrol:
    try:
        return registry.patrol(number)
    except RegistryError as error:
        raise HTTPException(404, str(error)) from error


def _name(visitor: Visitor) -> str:
    return "" if visitor.account is None else visitor.account.name
