"""The page on which somebody asks for an evidence summary, watches it being made, and gets it."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, HTTPException, Path, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse

from collector.errors import RegistryError
from collector.evidence.errors import EvidenceError
from collector.evidence.export_log import LONGEST_REASON
from collector.evidence.request import LONGEST_QUESTION, make_request
from collector.registry.registry import Site
from collector.writing import Code
from dashboards.briefing.access.csrf import CSRF_CHECKED
from dashboards.briefing.access.dependencies import goes_on, needs
from dashboards.briefing.access.roles import Permission
from dashboards.briefing.access.visitor import Visitor
from dashboards.briefing.api import BoardOf
from dashboards.briefing.board import Board
from dashboards.briefing.evidence_jobs import Job, Jobs, TooManyError
from dashboards.briefing.streams import parts_until_over, streamed
from dashboards.briefing.web import language_code, page, templates_of

_SEE_OTHER: Final = 303

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

Exporter = Annotated[Visitor, needs(Permission.EXPORT_EVIDENCE)]
JobId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
Field = Annotated[str, Form()]


@router.get("/evidence")
def form(request: Request, board: BoardOf, visitor: Exporter, site: str = "") -> Response:
    """Ask of which site and period."""
    first, last = _last_month(board)
    known = {"site": site, "first": first.isoformat(), "last": last.isoformat()}
    return _form(request, board, visitor, {**known, "question": "", "reason": "", "form": "full"})


@router.post("/evidence", dependencies=[CSRF_CHECKED])
def begin(  # noqa: PLR0913, PLR0917 - one a field of the form
    request: Request,
    board: BoardOf,
    visitor: Exporter,
    site: Field = "",
    first: Field = "",
    last: Field = "",
    question: Field = "",
    reason: Field = "",
    language: Field = "sv",
    form: Field = "full",
) -> Response:
    """Let a summary be made."""
    reason = " ".join(reason.split())[:LONGEST_REASON]
    given = {"site": site, "first": first, "last": last, "reason": reason}
    given["form"] = form
    given["question"] = question[:LONGEST_QUESTION]
    try:
        place = board.registry.site(site)
        start, end = _days(place, first, last)
        code: Code = "en" if language == "en" else "sv"
        wanted = make_request(place.id, start, end, question=question, language=code)
    except RegistryError:
        return _form(request, board, visitor, given, wrong="site")
    except (EvidenceError, ValueError, OverflowError):
        return _form(request, board, visitor, given, wrong="period")
    try:
        job = _jobs(request).start(
            _name(visitor), place.name, wanted, reason, public=form == "public"
        )
    except TooManyError:
        return _form(request, board, visitor, given, wrong="many")
    return RedirectResponse(f"/evidence/{job.id}", _SEE_OTHER)


@router.get("/evidence/{job_id}")
def watch(request: Request, board: BoardOf, visitor: Exporter, job_id: JobId) -> Response:
    """How far it is."""
    job = _job(request, visitor, job_id)
    live = None if job.is_over else f"/live/evidence/{job.id}?"
    return page(request, "evidence_job.html", live=live, **_told(board, job))


@router.get("/live/evidence/{job_id}")
async def watch_live(
    request: Request, board: BoardOf, visitor: Exporter, job_id: JobId
) -> Response:
    """The part of that page that changes, as it does, until the summary is there."""
    _job(request, visitor, job_id)
    code = language_code(request)

    def render() -> tuple[str, bool]:
        job = _job(request, visitor, job_id)
        told = _told(board, job)
        parts = templates_of(request).render("evidence_job_live.html", code, **told)
        return parts, job.is_over

    return streamed(parts_until_over(render, lambda: goes_on(request, visitor)))


@router.get("/evidence/{job_id}/download", response_class=FileResponse)
def download(request: Request, visitor: Exporter, job_id: JobId) -> Response:
    """The ZIP."""
    job = _job(request, visitor, job_id)
    if job.archive is None or not job.archive.exists():
        raise HTTPException(404, "it is not ready, or was removed")
    headers = {"Cache-Control": "no-store"}
    return FileResponse(job.archive, 200, headers, "application/zip", filename=job.archive.name)


def _form(
    request: Request, board: Board, visitor: Visitor, given: dict[str, str], wrong: str = ""
) -> Response:
    access = request.app.state.access
    return page(
        request,
        "evidence.html",
        status_code=422 if wrong else 200,
        sites=board.registry.sites(),
        jobs=_jobs(request).of(_name(visitor)),
        given=given,
        wrong=wrong,
        longest=LONGEST_QUESTION,
        longest_reason=LONGEST_REASON,
        configured=access.config.evidence is not None,
        period=lambda job: _period(board, job),
    )


def _told(board: Board, job: Job) -> dict[str, Any]:
    return {"job": job, "period": _period(board, job)}


def _period(board: Board, job: Job) -> tuple[date, date]:
    zone = ZoneInfo(board.registry.site(job.request.site).time_zone)
    last = job.request.end.astimezone(zone) - timedelta(hours=1)
    return job.request.start.astimezone(zone).date(), last.date()


def _days(site: Site, first: str, last: str) -> tuple[datetime, datetime]:
    """The local days from the first to the last, both included."""
    zone = ZoneInfo(site.time_zone)
    begin, end = date.fromisoformat(first), date.fromisoformat(last) + timedelta(days=1)
    start, stop = (datetime(day.year, day.month, day.day, tzinfo=zone) for day in (begin, end))
    return start.astimezone(UTC), stop.astimezone(UTC)


def _last_month(board: Board) -> tuple[date, date]:
    last = board.local(datetime.now(UTC)).date().replace(day=1) - timedelta(days=1)
    return last.replace(day=1), last


def _jobs(request: Request) -> Jobs:
    jobs: Jobs = request.app.state.evidence_jobs
    return jobs


def _job(request: Request, visitor: Visitor, job_id: str) -> Job:
    job = _jobs(request).find(job_id, _name(visitor))
    if job is None:
        raise HTTPException(404, "there is no such summary here: it was removed, or never was")
    return job


def _name(visitor: Visitor) -> str:
    return "" if visitor.account is None else visitor.account.name
