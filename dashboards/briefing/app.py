"""The application: pages, JSON API, and what to say when something is wrong."""

import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from sqlalchemy import Engine
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles

from collector.access_log import AccessLog
from collector.alert_config import AlertRules
from collector.config import CollectorConfig
from collector.errors import CollectorError
from collector.intake.live import LiveReadings
from collector.ledger.ledger import Ledger
from collector.operations.metrics import Metrics
from collector.operations.operations import Operations
from collector.pattern_answers import school_calendar
from collector.registry.accounts import Accounts
from collector.registry.passwords import Passwords
from collector.registry.photos import Photos
from collector.registry.registry import Registry, Site
from dashboards.briefing import (
    api,
    briefing_pages,
    chart_routes,
    commissioning_pages,
    disturbance_pages,
    effect_pages,
    evidence_routes,
    feed_routes,
    fleet_pages,
    health,
    live_pages,
    pages,
    patrol_pages,
    pattern_chart_routes,
    public_routes,
    release_routes,
    site_pages,
)
from dashboards.briefing.access import accounts_pages, welcome_pages
from dashboards.briefing.access import routes as access_routes
from dashboards.briefing.access.access_log import AccessNotes, AccessNoting
from dashboards.briefing.access.dependencies import Access
from dashboards.briefing.access.local_path import login_address
from dashboards.briefing.access.refusals import (
    NotAllowedError,
    NotSignedInError,
    Refusal,
    TooManyTriesError,
    UnknownSiteError,
)
from dashboards.briefing.access.sessions import Cookies, Sessions
from dashboards.briefing.access.throttle import Throttle
from dashboards.briefing.access.visitor import is_page_wanted
from dashboards.briefing.board import Board
from dashboards.briefing.disturbances import DisturbanceLog
from dashboards.briefing.evidence_jobs import Jobs
from dashboards.briefing.feeds import Feeds
from dashboards.briefing.fleet_view import Fleets
from dashboards.briefing.page_templates import Templates
from dashboards.briefing.planning import Planner
from dashboards.briefing.renderer import Renderer
from dashboards.briefing.security import ENCRYPTED_HEADERS, HEADERS, SecurityHeaders
from dashboards.briefing.site_view import SiteViews

STATIC: Final = Path(__file__).parent / "static"

_log = logging.getLogger(__name__)


def create_app(
    ledger: Ledger,
    registry: Registry,
    config: CollectorConfig,
    live: LiveReadings,
    *,
    engine: Engine,
    passwords: Passwords | None = None,
    operations: Operations | None = None,
    metrics: Metrics | None = None,
) -> FastAPI:
    """Return the application that shows `ledger`, to be served by any ASGI server.

    The documentation pages of FastAPI are off, since they load from elsewhere;
    ``/openapi.json`` describes the API.

    Parameters
    ----------
    engine
        Where accounts and sessions are: the database of the ledger.
    passwords
        How passwords are hashed; else as it is safe.
    operations, metrics
        Of the collector that runs in this process, if one does.
    """
    app = FastAPI(
        title="Skolro",
        summary="Sound levels and noise peaks near schools.",
        version=version("skolro"),
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
    )
    app.state.operations = operations
    app.state.metrics = metrics
    app.state.board = Board(ledger, registry, live, ZoneInfo(config.page.time_zone))
    app.state.access = _access(engine, Accounts(engine, passwords), config)
    app.state.feeds = Feeds(ledger, config, engine)
    app.state.disturbances = DisturbanceLog(ledger, config, engine)
    calendar = school_calendar(config)
    app.state.planner = Planner(ledger, calendar)
    app.state.site_views = SiteViews(ledger, calendar)
    app.state.renderer = Renderer()
    app.state.templates = Templates(config.page)
    app.state.fleets = Fleets(
        app.state.board, config.alerts.rules if config.alerts else AlertRules()
    )
    app.state.photos = Photos(engine)
    app.state.engine = engine
    app.state.live_hub = live_pages.new_hub(app.state.board, app.state.templates)
    app.state.drawings = chart_routes.new_drawings()
    app.state.evidence_jobs = Jobs(config)
    app.state.quarters = public_routes.new_kept()
    app.state.public_drawings = public_routes.new_drawings()
    app.include_router(public_routes.api_router)
    app.include_router(public_routes.router)
    app.include_router(api.router)
    app.include_router(health.router)
    app.include_router(release_routes.router)
    app.include_router(chart_routes.router)
    app.include_router(access_routes.router)
    _let_in_by_openid(app, config)
    app.include_router(evidence_routes.router)
    app.include_router(feed_routes.router)
    app.include_router(disturbance_pages.router)
    app.include_router(pattern_chart_routes.router)
    app.include_router(fleet_pages.chart_router)
    for one in (
        briefing_pages,
        patrol_pages,
        effect_pages,
        site_pages,
        live_pages,
        fleet_pages,
        commissioning_pages,
        accounts_pages,
        welcome_pages,
    ):
        app.include_router(one.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    encrypted = ENCRYPTED_HEADERS if config.http.is_encrypted else {}
    app.add_middleware(SecurityHeaders, headers=HEADERS | encrypted)
    app.add_middleware(AccessNoting, notes=app.state.access.notes)
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_wrong_request)
    app.add_exception_handler(CollectorError, _on_collector_error)
    app.add_exception_handler(Exception, _on_fault)
    return app


def _access(engine: Engine, accounts: Accounts, config: CollectorConfig) -> Access:
    sessions = Sessions(
        engine,
        longest=timedelta(hours=config.access.session_hours),
        idle=timedelta(hours=config.access.idle_hours),
    )
    log = AccessLog(engine, timedelta(days=config.access.log_days))
    return Access(
        accounts=accounts,
        sessions=sessions,
        throttle=Throttle(engine),
        log=log,
        notes=AccessNotes(log),
        cookies=Cookies(config.http.is_encrypted),
        config=config,
    )


def _let_in_by_openid(app: FastAPI, config: CollectorConfig) -> None:
    oidc, base_url = config.access.oidc, config.http.base_url
    if oidc is None or base_url is None:
        return
    # It needs more libraries, which most servers have no use for.
    from dashboards.briefing.access import oidc_routes  # noqa: PLC0415
    from dashboards.briefing.access.oidc import Provider  # noqa: PLC0415

    app.state.provider = Provider(oidc, base_url.rstrip("/") + oidc_routes.CALLBACK)
    app.include_router(oidc_routes.router)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    renderer: Renderer = app.state.renderer
    planner: Planner = app.state.planner
    for name, warm_up in (("charts", renderer.warm_up), ("plan", planner.warm_up)):
        threading.Thread(target=warm_up, name=name, daemon=True).start()
    access: Access = app.state.access
    access.notes.start()
    try:
        yield
    finally:
        renderer.close()
        access.notes.close()


def _on_http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    if isinstance(error, (NotSignedInError, NotAllowedError)) and is_page_wanted(request):
        if request.url.path == "/" and _is_public(request, error):
            return RedirectResponse("/public", status_code=303)
        if isinstance(error, NotSignedInError):
            return RedirectResponse(login_address(request), status_code=303)
    told = {"kind": error.kind} if isinstance(error, Refusal) else {}
    until = {"until": error.until} if isinstance(error, TooManyTriesError) else {}
    known = {"sites": _sites(request)} if isinstance(error, UnknownSiteError) else {}
    response = _explain(request, error.status_code, str(error.detail), **told, **until, **known)
    response.headers.update(error.headers or {})
    return response


def _sites(request: Request) -> list[Site]:
    board: Board = request.app.state.board
    return board.registry.sites()


def _is_public(request: Request, error: NotSignedInError | NotAllowedError) -> bool:
    """Whether there is something else to show to whoever may not see the start page."""
    if isinstance(error, NotAllowedError):
        return True
    access: Access = request.app.state.access
    return access.config.access.public_view and not error.expired


def _on_wrong_request(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    told = {} if request.method in {"GET", "HEAD"} else {"kind": "nonsense"}
    return _explain(request, 422, "; ".join(_sentence(item) for item in error.errors()), **told)


def _on_collector_error(request: Request, error: Exception) -> Response:
    _log.error("%s cannot be shown: %s", request.url.path, error)
    return _explain(request, 503, str(error))


def _on_fault(request: Request, error: Exception) -> Response:
    _log.error("%s failed", request.url.path, exc_info=error)
    response = _explain(request, 500, "the server made a mistake; it is noted in its log")
    # This answer goes out past the middleware.
    response.headers.update(HEADERS)
    return response


def _explain(request: Request, status: int, detail: str, **told: Any) -> Response:
    if request.url.path.startswith(("/api/", "/feeds/", "/health", "/ngsi-ld/", "/openapi.json")):
        return JSONResponse({"detail": detail}, status)
    return pages.error_page(request, status, **told)


def _sentence(error: dict[str, Any]) -> str:
    where = [str(part) for part in error["loc"] if part not in {"query", "path"}]
    return f"{'.'.join(where) or 'request'}: {error['msg']}"
