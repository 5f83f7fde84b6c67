"""What the routes of pages and charts share: parameters, language, answers with an ETag."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Any, Final

from fastapi import Path, Request, Response
from fastapi.responses import HTMLResponse

from collector.errors import RegistryError
from collector.registry.registry import Site
from collector.writing import CODES, Code
from dashboards.briefing.access.csrf import FIELD as CSRF_FIELD
from dashboards.briefing.access.csrf import csrf_field
from dashboards.briefing.access.dependencies import access_of, visitor_or_public
from dashboards.briefing.access.refusals import UnknownSiteError
from dashboards.briefing.access.visitor import Visitor
from dashboards.briefing.board import Board
from dashboards.briefing.page_templates import Templates
from sensor.contract.messages import NODE_PATTERN

LANGUAGE_COOKIE: Final = "lang"

_YEAR_S: Final = 365 * 24 * 3600

SiteId = Annotated[str, Path(pattern=NODE_PATTERN)]
NodeId = Annotated[str, Path(pattern=NODE_PATTERN)]
EventId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]


def templates_of(request: Request) -> Templates:
    """The templates that the application was made with."""
    templates: Templates = request.app.state.templates
    return templates


def language_code(request: Request) -> Code:
    """The language asked for now, else the one chosen before, else the page's own."""
    for wanted in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        for code in CODES:
            if wanted == code:
                return code
    return templates_of(request).default_language


def page(request: Request, template: str, /, *, status_code: int = 200, **values: Any) -> Response:
    """Return a whole page in the reader's language.

    Besides `values`, its template knows ``visitor``, ``csrf_field()`` for its forms, ``now`` and
    ``local`` (a function) in the page's time zone, ``path``,
    ``disturbance_recall`` (a function of a site's id), and, unless given, ``live`` (None) and
    ``simulated`` (False).
    """
    code = language_code(request)
    visitor = visitor_or_public(request)
    board: Board = request.app.state.board
    known = {
        "visitor": visitor,
        "csrf_field": lambda: csrf_field(visitor),
        "now": board.local(datetime.now(UTC)),
        "local": board.local,
        "path": request.url.path,
        "live": None,
        "simulated": False,
        "disturbance_recall": request.app.state.disturbances.recall,
    }
    body = templates_of(request).render(template, code, **{**known, **values})
    # What somebody saw who was logged in is not to be had with the back button afterwards.
    kept = {} if visitor.session is None else {"Cache-Control": "no-store"}
    answer = HTMLResponse(body, status_code, headers={**page_headers(code), **kept})
    if request.query_params.get("lang") == code:
        answer.set_cookie(LANGUAGE_COOKIE, code, max_age=_YEAR_S, httponly=True, samesite="lax")
    # Whoever only looks gets no cookie.
    if f'name="{CSRF_FIELD}"' in body:
        hold_form_secret(request, visitor, answer)
    return answer


def hold_form_secret(request: Request, visitor: Visitor, answer: Response) -> None:
    """Let a browser without a session hold what the tokens of its forms are made from."""
    if visitor.is_new:
        cookies = access_of(request).cookies
        answer.set_cookie(cookies.name("form"), visitor.secret, **cookies.attributes)


def known_site(board: Board, site_id: str) -> Site:
    """The site of that id, else the answer that there is none."""
    try:
        return board.registry.site(site_id)
    except RegistryError as error:
        raise UnknownSiteError(str(error)) from error


def unless_known(
    request: Request, content: bytes, media_type: str, code: Code, **headers: str
) -> Response:
    """Return `content`, or 304 where the browser has it already."""
    # Weak, since the same content goes out compressed and not.
    tag = f'W/"{sha256(content).hexdigest()[:24]}"'
    every = {**page_headers(code), **headers, "ETag": tag}
    known = [one.strip() for one in request.headers.get("If-None-Match", "").split(",")]
    if tag in known:
        return Response(status_code=304, headers=every)
    return Response(content, media_type=media_type, headers=every)


def page_headers(code: Code) -> dict[str, str]:
    """Headers of all that depends on the moment and the language."""
    return {"Cache-Control": "private, no-cache", "Content-Language": code, "Vary": "Cookie"}
