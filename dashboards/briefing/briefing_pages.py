"""The briefing: the first page of those who decide, and one sheet of paper."""

from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from collector.analysis.patrol import MIN_MEASURED_H
from dashboards.briefing.access.dependencies import VisitorOf, needs
from dashboards.briefing.access.refusals import NotSignedInError
from dashboards.briefing.access.roles import Permission
from dashboards.briefing.navigation import places
from dashboards.briefing.planning import USUAL_HOURS, USUAL_WINDOWS, WEEK, Planner
from dashboards.briefing.web import page

SEE_OTHER: Final = 303

MOST_PATROLS: Final = 6
MOST_HOURS: Final = 6

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

Patrols = Annotated[int, Query(ge=1, le=MOST_PATROLS)]
Hours = Annotated[int, Query(ge=1, le=MOST_HOURS)]


def planner_of(request: Request) -> Planner:
    """The planner that the application was made with."""
    planner: Planner = request.app.state.planner
    return planner


@router.get("/")
def start(visitor: VisitorOf) -> Response:
    """Lead everybody to the first page that their role lets them see."""
    if visitor.role is None:
        raise NotSignedInError(expired=visitor.expired)
    return RedirectResponse(places(visitor)[0].address, SEE_OTHER)


@router.get("/briefing", dependencies=[needs(Permission.SEE_PLAN)])
def briefing(
    request: Request, patrols: Patrols = USUAL_WINDOWS, hours: Hours = USUAL_HOURS
) -> Response:
    """Where and when to go in the coming week, and what that rests on."""
    planner = planner_of(request)
    made = planner.briefing(datetime.now(UTC), windows=patrols, hours=hours)
    return page(
        request,
        "briefing.html",
        made=made,
        calendar=planner.calendar,
        patrols=patrols,
        hours=hours,
        most_patrols=MOST_PATROLS,
        most_hours=MOST_HOURS,
        names={site.id: site.name for site in planner.sites()},
        week=WEEK,
        least_h=int(MIN_MEASURED_H),
        simulated=made.period.simulated and made.plan is not None,
    )
