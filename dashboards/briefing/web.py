"""What the routes of pages and charts share: parameters, language, answers with an ETag."""

from hashlib import sha256
from typing import Annotated, Final

from fastapi import HTTPException, Path, Request, Response

from collector.errors import RegistryError
from collector.registry.registry import Site
from dashboards.briefing.board import Board
from dashboards.briefing.language import CODES, Code
from dashboards.briefing.page_templates import Templates
from sensor.contract.messages import NODE_PATTERN

LANGUAGE_COOKIE: Final = "lang"

SiteId = Annotated[str, Path(pattern=NODE_PATTERN)]
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


def known_site(board: Board, site_id: str) -> Site:
    """The site of that id, else the answer that there is none."""
    try:
        return board.registry.site(site_id)
    except RegistryError as error:
        raise HTTPException(404, str(error)) from error


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
    return {"Cache-Control": "no-cache", "Content-Language": code, "Vary": "Cookie"}
