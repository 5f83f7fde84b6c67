"""Where a link leads by which somebody chooses the password of their account."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from collector.errors import RegistryError
from collector.registry.accounts import Account
from collector.registry.passwords import SHORTEST
from dashboards.briefing.access.csrf import holds
from dashboards.briefing.access.dependencies import Access, AccessOf, VisitorOf
from dashboards.briefing.access.refusals import StaleFormError, UsedLinkError
from dashboards.briefing.access.routes import SEE_OTHER, Field, begin_session
from dashboards.briefing.web import page

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

# Links get cut off in mail: that is said like any other that opens nothing.
Secret = Annotated[str, Path(max_length=200)]


@router.get("/welcome/{secret}")
def welcome(request: Request, access: AccessOf, secret: Secret) -> Response:
    """Ask whoever has the link for the password of their choice."""
    return _ask(request, _invited(access, secret))


@router.post("/welcome/{secret}")
def choose_password(
    request: Request,
    visitor: VisitorOf,
    access: AccessOf,
    secret: Secret,
    csrf: Field = "",
    new: Field = "",
    again: Field = "",
) -> Response:
    """Give the account that password, and begin a session."""
    if not holds(visitor, csrf):
        raise StaleFormError
    account = _invited(access, secret)
    if new != again:
        return _ask(request, account, wrong="again")
    try:
        accepted = access.accounts_of(visitor, account.name).accept(secret, new)
    except RegistryError:
        # Too easy to guess; or somebody was faster, and then the link opens nothing any more.
        return _ask(request, _invited(access, secret), wrong="new")
    answer = RedirectResponse("/", SEE_OTHER)
    begin_session(request, accepted, answer)
    access.notes.note(visitor, "login", "/welcome", SEE_OTHER, accepted.name)
    return answer


def _invited(access: Access, secret: str) -> Account:
    account = access.accounts.invited(secret)
    if account is None:
        raise UsedLinkError
    return account


def _ask(request: Request, account: Account, wrong: str = "") -> Response:
    return page(
        request,
        "welcome.html",
        status_code=422 if wrong else 200,
        account=account,
        wrong=wrong,
        shortest=SHORTEST,
    )
