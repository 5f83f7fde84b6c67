"""The pages for logging in and out, and for one's own account."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from collector.errors import RegistryError
from collector.registry.accounts import Account
from collector.registry.passwords import SHORTEST
from dashboards.briefing.access.csrf import CSRF_CHECKED, holds
from dashboards.briefing.access.dependencies import Access, AccessOf, SignedIn, VisitorOf, access_of
from dashboards.briefing.access.devices import device_name
from dashboards.briefing.access.local_path import local_path
from dashboards.briefing.access.refusals import StaleFormError, TooManyTriesError
from dashboards.briefing.access.visitor import Visitor
from dashboards.briefing.web import page

SEE_OTHER = 303

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

Field = Annotated[str, Form()]


@router.get("/login")
def login_page(
    request: Request, visitor: VisitorOf, onward: Annotated[str, Query(alias="next")] = ""
) -> Response:
    """Ask for name and password."""
    if visitor.session is not None:
        return RedirectResponse(local_path(onward), SEE_OTHER)
    return _login(request, visitor, onward)


@router.post("/login")
def log_in(
    request: Request,
    visitor: VisitorOf,
    access: AccessOf,
    csrf: Field = "",
    name: Field = "",
    password: Field = "",
    onward: Annotated[str, Form(alias="next")] = "",
) -> Response:
    """Begin a session for whoever knows the password."""
    if visitor.session is not None:
        # The form was sent twice, or from another tab.
        return RedirectResponse(local_path(onward), SEE_OTHER)
    if not holds(visitor, csrf):
        raise StaleFormError
    account = _checked(access, visitor, name, password)
    if account is None:
        return _login(request, visitor, onward, name=name, status=401)
    answer = RedirectResponse(local_path(onward), SEE_OTHER)
    begin_session(request, account, answer)
    return answer


def _checked(access: Access, visitor: Visitor, name: str, password: str) -> Account | None:
    """The account if the password is its own; what fails is counted, and all of it noted."""
    # Only of accounts that exist: what was typed as a name may have been a password.
    known = access.accounts.named(name)
    whose = None if known is None else known.name
    try:
        access.throttle.begin(name, visitor.address)
    except TooManyTriesError:
        access.notes.note(visitor, "login_blocked", "/login", 429, whose)
        raise
    account = access.accounts.check(name, password)
    if account is None:
        access.notes.note(visitor, "login_failed", "/login", 401, whose)
        return None
    access.throttle.succeeded(name, visitor.address)
    access.notes.note(visitor, "login", "/login", SEE_OTHER, whose)
    return account


@router.post("/logout")
def log_out(visitor: VisitorOf, access: AccessOf, csrf: Field = "") -> Response:
    """End the session."""
    answer = RedirectResponse("/login", SEE_OTHER)
    if visitor.session is not None:
        if not holds(visitor, csrf):
            raise StaleFormError
        access.sessions.end(visitor.session.account, visitor.session.key)
    answer.delete_cookie(access.cookies.name("session"), **access.cookies.attributes)
    return answer


@router.get("/account")
def account_page(request: Request, visitor: SignedIn) -> Response:
    """Who I am here, where I am logged in, and how to change my password."""
    return _account(request, visitor)


@router.post("/account/password", dependencies=[CSRF_CHECKED])
def change_password(
    request: Request,
    visitor: SignedIn,
    access: AccessOf,
    current: Field = "",
    new: Field = "",
    again: Field = "",
) -> Response:
    """Change my password, which ends my sessions; this browser gets a new one."""
    account = _me(visitor)
    if _checked(access, visitor, account.name, current) is None:
        return _account(request, visitor, wrong="current")
    if new != again:
        return _account(request, visitor, wrong="again")
    try:
        changed = access.accounts_of(visitor).set_password(account.name, new)
    except RegistryError:
        return _account(request, visitor, wrong="new")
    answer = RedirectResponse("/account?changed=password", SEE_OTHER)
    begin_session(request, changed, answer)
    return answer


@router.post("/account/sessions/end", dependencies=[CSRF_CHECKED])
def end_session(visitor: SignedIn, access: AccessOf, key: Field = "") -> Response:
    """Log out another device of mine."""
    access.sessions.end(_me(visitor), key)
    return RedirectResponse("/account", SEE_OTHER)


def begin_session(request: Request, account: Account, answer: Response) -> None:
    """Let the browser hold a session of its own; whatever it held before is worth nothing more."""
    access = access_of(request)
    secret = access.sessions.begin(account, device_name(request.headers.get("User-Agent", "")))
    cookies = access.cookies
    answer.set_cookie(cookies.name("session"), secret, **cookies.attributes)
    answer.delete_cookie(cookies.name("form"), **cookies.attributes)


def _login(
    request: Request, visitor: Visitor, onward: str, *, name: str = "", status: int = 200
) -> Response:
    oidc = access_of(request).config.access.oidc
    answer = page(
        request,
        "login.html",
        provider=None if oidc is None else oidc.label,
        status_code=status,
        onward=local_path(onward),
        name=name[:100],
        wrong=status != 200,
        expired=visitor.expired,
    )
    if status == 401:
        answer.headers["WWW-Authenticate"] = 'Session realm="skolro"'
    return answer


def _account(request: Request, visitor: Visitor, wrong: str = "") -> Response:
    account = _me(visitor)
    return page(
        request,
        "account.html",
        status_code=422 if wrong else 200,
        account=account,
        sessions=access_of(request).sessions.of(account),
        wrong=wrong,
        changed=request.query_params.get("changed") == "password",
        shortest=SHORTEST,
    )


def _me(visitor: Visitor) -> Account:
    if visitor.account is None:
        raise StaleFormError
    return visitor.account
