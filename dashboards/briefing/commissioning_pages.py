"""A node's commissioning: what goes on there right now, the records, and photographs of it."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, File, HTTPException, Path, Request, Response, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse

from collector.errors import RegistryError
from collector.ledger.commissionings import commissionings
from collector.registry.photos import MOST_PHOTOS, Photos
from dashboards.briefing.access.csrf import CSRF_CHECKED
from dashboards.briefing.access.dependencies import goes_on, needs
from dashboards.briefing.access.roles import Permission
from dashboards.briefing.access.visitor import Visitor
from dashboards.briefing.api import BoardOf
from dashboards.briefing.board import Board
from dashboards.briefing.commissioning_view import record_steps, work_view
from dashboards.briefing.language import language
from dashboards.briefing.photographs import MOST_BYTES, PhotoError, cleaned
from dashboards.briefing.streams import parts_until_over, streamed
from dashboards.briefing.web import language_code, page, templates_of
from sensor.contract.messages import NODE_PATTERN

_SEE_OTHER: Final = 303
_FORM_BYTES: Final = 10_000
_HEADERS: Final = {
    # A phone at the node shows its position here, to be typed there.
    "Permissions-Policy": "camera=(), geolocation=(self), microphone=()"
}

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

NodeId = Annotated[str, Path(pattern=NODE_PATTERN)]
Number = Annotated[int, Path(ge=1, lt=2**63)]
Looking = Annotated[Visitor, needs(Permission.SEE_FLEET)]
Working = Annotated[Visitor, needs(Permission.COMMISSION)]


def of_a_size(request: Request) -> None:
    """A dependency: nothing larger than a photograph is read at all."""
    length = request.headers.get("Content-Length", "")
    if not length.isdecimal() or int(length) > MOST_BYTES + _FORM_BYTES:
        raise HTTPException(413, f"a photograph may have {MOST_BYTES} bytes")


@router.get("/commissioning/{node_id}")
def look(request: Request, board: BoardOf, _: Looking, node_id: NodeId) -> Response:
    """What goes on, what was signed, and photographs."""
    return _page(request, board, node_id)


@router.get("/live/commissioning/{node_id}")
async def look_live(
    request: Request, board: BoardOf, visitor: Looking, node_id: NodeId
) -> Response:
    """The part of that page that changes, as it does."""
    _known(board, node_id)
    code = language_code(request)

    def render() -> tuple[str, bool]:
        told = _live(board, node_id, request)
        return templates_of(request).render("commissioning_live.html", code, **told), False

    return streamed(parts_until_over(render, lambda: goes_on(request, visitor)))


@router.post("/commissioning/{node_id}/photo", dependencies=[Depends(of_a_size), CSRF_CHECKED])
def add_photo(
    request: Request,
    board: BoardOf,
    visitor: Working,
    node_id: NodeId,
    photo: Annotated[UploadFile, File()],
) -> Response:
    """Keep a photograph, made anew."""
    _known(board, node_id)
    try:
        jpeg, size = cleaned(photo.file.read(MOST_BYTES + 1))
    except PhotoError as error:
        return _page(request, board, node_id, wrong=error.reason)
    try:
        _photos(request).add(node_id, jpeg, size, visitor.account.name if visitor.account else "")
    except RegistryError:
        return _page(request, board, node_id, wrong="many")
    return RedirectResponse(f"/commissioning/{node_id}#photos", _SEE_OTHER)


@router.post("/commissioning/{node_id}/photo/{number}/remove", dependencies=[CSRF_CHECKED])
def remove_photo(request: Request, _: Working, node_id: NodeId, number: Number) -> Response:
    """Remove one."""
    _photos(request).remove(node_id, number)
    return RedirectResponse(f"/commissioning/{node_id}#photos", _SEE_OTHER)


@router.get("/commissioning/{node_id}/photo/{number}", response_class=Response)
def photo(request: Request, _: Looking, node_id: NodeId, number: Number) -> Response:
    """A photograph."""
    jpeg = _photos(request).content(node_id, number)
    if jpeg is None:
        raise HTTPException(404, "there is no such photograph")
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "private, no-store"})


def _page(request: Request, board: Board, node_id: str, wrong: str = "") -> Response:
    site = _known(board, node_id)
    t = language(language_code(request))
    records = commissionings(request.app.state.engine, node_id)
    answer = page(
        request,
        "commissioning.html",
        status_code=422 if wrong else 200,
        live=f"/live/commissioning/{node_id}?",
        site=site,
        records=[(one, record_steps(one, t)) for one in records],
        photos=_photos(request).of(node_id),
        most=MOST_PHOTOS,
        wrong=wrong,
        **_live(board, node_id, request),
    )
    answer.headers.update(_HEADERS)
    return answer


def _live(board: Board, node_id: str, request: Request) -> dict[str, Any]:
    t = language(language_code(request))
    reading = board.live_now(node_id)
    return {
        "node": node_id,
        "work": work_view(reading, t, board.local),
        "simulated": reading is not None and "simulated" in reading.flags,
        "local": board.local,
    }


def _known(board: Board, node_id: str) -> Any:
    inventory = board.registry.inventory()
    if node_id not in inventory.nodes:
        raise HTTPException(404, "there is no such node")
    return inventory.site_of(node_id)


def _photos(request: Request) -> Photos:
    found: Photos = request.app.state.photos
    return found
