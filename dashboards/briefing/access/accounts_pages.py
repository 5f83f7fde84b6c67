"""The administrator's pages: who may log in, in which role, and what was done to accounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from collector.access_log import AccessEntry
from collector.errors import RegistryError
from collector.registry.accounts import Account, OnlyAdministratorError
from collector.registry.invitations import INVITED_FOR
from collector.roles import Role
from dashboards.briefing.access.account_form import AccountForm, AccountFormOf, Faults
from dashboards.briefing.access.csrf import CSRF_CHECKED
from dashboards.briefing.access.dependencies import Access, AccessOf, VisitorOf, needs
from dashboards.briefing.access.roles import Permission
from dashboards.briefing.api import BoardOf
from dashboards.briefing.board import Board
from dashboards.briefing.web import page

_SEE_OTHER: Final = 303
_WRONG: Final = 422
_LISTED: Final = 30

router = APIRouter(
    include_in_schema=False,
    default_response_class=HTMLResponse,
    dependencies=[needs(Permission.MANAGE_ACCOUNTS)],
)

Number = Annotated[int, Path(ge=1, le=2**53)]


@dataclass(frozen=True, slots=True)
class AccountLine:
    """An account as the list shows it; `invited_until`: nobody has used its link yet."""

    account: Account
    invited_until: datetime | None
    last_done: datetime | None


@dataclass(frozen=True, slots=True)
class Change:
    """Something that was done to an account, by `by` or by somebody at the server."""

    at: datetime
    by: str | None
    at_server: str
    what: str
    name: str
    role: str | None
    site: str | None

    @classmethod
    def of(cls, entry: AccessEntry) -> Change:
        """What an entry of the access log tells."""
        what, name, role, site, *_ = [*entry.subject.split(" "), None, None, None]
        return cls(
            at=entry.at,
            by=entry.account,
            at_server=entry.address.removeprefix("server: "),
            what=what or "",
            name=name or "",
            role=role,
            site=site,
        )


def _known(access: AccessOf, number: Number) -> Account:
    account = access.accounts.numbered(number)
    if account is None:
        raise HTTPException(404, "there is no such account")
    return account


KnownOf = Annotated[Account, Depends(_known)]


@router.get("/accounts")
def accounts(request: Request, access: AccessOf, board: BoardOf) -> Response:
    """All accounts, and how to add one."""
    return _list(request, access, board, AccountForm(), {})


@router.post("/accounts", dependencies=[CSRF_CHECKED])
def add_account(
    request: Request, access: AccessOf, board: BoardOf, visitor: VisitorOf, form: AccountFormOf
) -> Response:
    """Add an account, and show the link by which its owner chooses a password."""
    faults = form.new_faults(access.accounts, _names(board))
    if faults:
        return _list(request, access, board, form, faults)
    mine = access.accounts_of(visitor)
    try:
        account = mine.add(form.name, Role(form.role), None, form.of_site)
    except RegistryError:
        # Somebody has added it since it was looked for.
        return _list(request, access, board, form, {"name": "accounts.wrong_taken"})
    if form.way == "openid" and access.config.access.oidc is not None:
        return RedirectResponse(f"/accounts/{account.id}?done=added", _SEE_OTHER)
    return _link(request, access, account, mine.invite(account.name), is_new=True)


@router.get("/accounts/{number}")
def account(
    request: Request,
    access: AccessOf,
    board: BoardOf,
    known: KnownOf,
    done: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """One account, and what can be done with it."""
    return _one(request, access, board, known, done=done)


@router.post("/accounts/{number}/role", dependencies=[CSRF_CHECKED])
def change_role(
    request: Request,
    access: AccessOf,
    board: BoardOf,
    visitor: VisitorOf,
    known: KnownOf,
    form: AccountFormOf,
) -> Response:
    """Give an account another role, which holds from its next click on."""
    faults = form.role_faults(_names(board))
    if faults:
        return _one(request, access, board, known, form=form, faults=faults)
    try:
        access.accounts_of(visitor).set_role(known.name, Role(form.role), form.of_site)
    except OnlyAdministratorError:
        return _one(request, access, board, known, form=form, faults={"role": "accounts.only_one"})
    return _back(known, "role")


@router.post("/accounts/{number}/invite", dependencies=[CSRF_CHECKED])
def new_link(request: Request, access: AccessOf, visitor: VisitorOf, known: KnownOf) -> Response:
    """Show a new link by which the account's owner chooses a password."""
    try:
        secret = access.accounts_of(visitor).invite(known.name)
    except RegistryError:
        # It was disabled, or came by OpenID Connect, since the page was made: it says so now.
        return _back(known, "")
    return _link(request, access, known, secret, is_new=False)


@router.post("/accounts/{number}/disable", dependencies=[CSRF_CHECKED])
def disable(
    request: Request, access: AccessOf, board: BoardOf, visitor: VisitorOf, known: KnownOf
) -> Response:
    """Let an account log in no longer."""
    try:
        access.accounts_of(visitor).disable(known.name)
    except OnlyAdministratorError:
        return _one(request, access, board, known, faults={"": "accounts.only_one"})
    return _back(known, "disabled")


@router.post("/accounts/{number}/enable", dependencies=[CSRF_CHECKED])
def enable(access: AccessOf, visitor: VisitorOf, known: KnownOf) -> Response:
    """Let an account that was disabled log in again."""
    access.accounts_of(visitor).enable(known.name)
    return _back(known, "enabled")


@router.post("/accounts/{number}/remove", dependencies=[CSRF_CHECKED])
def remove(
    request: Request, access: AccessOf, board: BoardOf, visitor: VisitorOf, known: KnownOf
) -> Response:
    """Remove an account; what it did stays in the access log."""
    try:
        access.accounts_of(visitor).remove(known.name)
    except OnlyAdministratorError:
        return _one(request, access, board, known, faults={"": "accounts.only_one"})
    return RedirectResponse("/accounts", _SEE_OTHER)


def _back(known: Account, done: str) -> Response:
    return RedirectResponse(f"/accounts/{known.id}?done={done}", _SEE_OTHER)


def _list(
    request: Request, access: Access, board: Board, form: AccountForm, faults: Faults
) -> Response:
    until = access.accounts.invitations()
    lines = [
        AccountLine(one, until.get(one.id), access.log.last_done(one.name))
        for one in access.accounts.all()
    ]
    return page(
        request,
        "accounts.html",
        status_code=_WRONG if faults else 200,
        lines=lines,
        changes=[Change.of(one) for one in access.log.newest(action="account", limit=_LISTED)],
        **_choices(access, board, form, faults),
    )


def _one(
    request: Request,
    access: Access,
    board: Board,
    known: Account,
    *,
    form: AccountForm | None = None,
    faults: Faults | None = None,
    done: str = "",
) -> Response:
    return page(
        request,
        "account_of.html",
        status_code=_WRONG if faults else 200,
        account=known,
        invited_until=access.accounts.invitations().get(known.id),
        last_done=access.log.last_done(known.name),
        devices=len(access.sessions.of(known)),
        done=done,
        **_choices(access, board, form or AccountForm.of(known), faults or {}),
    )


def _choices(access: Access, board: Board, form: AccountForm, faults: Faults) -> Mapping[str, Any]:
    oidc = access.config.access.oidc
    return {
        "form": form,
        "faults": faults,
        "roles": list(Role),
        "sites": board.registry.sites(),
        "names": _names(board),
        "provider": None if oidc is None else oidc.label,
    }


def _names(board: Board) -> dict[str, str]:
    return {site.id: site.name for site in board.registry.sites()}


def _link(
    request: Request, access: Access, known: Account, secret: str, *, is_new: bool
) -> Response:
    base = access.config.http.base_url or str(request.base_url)
    return page(
        request,
        "account_link.html",
        account=known,
        is_new=is_new,
        address=f"{base.rstrip('/')}/welcome/{secret}",
        until=access.accounts.invitations()[known.id],
        days=INVITED_FOR.days,
    )
