"""What routes depend on: who asks, what they may, and the access that the application has.

A route says who may use it: ``dependencies=[needs(Permission.SEE_PLAN)]``, or as a parameter
``visitor: Annotated[Visitor, needs(Permission.SEE_PLAN)]``; :data:`VisitorOf` is for those that
everybody may use.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, Request

from collector.access_log import AccessLog
from collector.config import CollectorConfig
from collector.errors import CollectorError
from collector.registry.accounts import Accounts
from dashboards.briefing.access.access_log import AccessNotes
from dashboards.briefing.access.refusals import NotAllowedError, NotSignedInError
from dashboards.briefing.access.roles import Permission
from dashboards.briefing.access.sessions import Cookies, Sessions
from dashboards.briefing.access.throttle import Throttle
from dashboards.briefing.access.visitor import Visitor, is_page_wanted

_FORM_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Access:
    """What the application knows of accounts and sessions; ``app.state.access``."""

    accounts: Accounts
    sessions: Sessions
    throttle: Throttle
    log: AccessLog
    notes: AccessNotes
    cookies: Cookies
    config: CollectorConfig

    def accounts_of(self, visitor: Visitor, account: str | None = None) -> Accounts:
        """The accounts, for changes by somebody, which are noted; `account`: not logged in yet."""
        return self.accounts.noted_by(self.notes.of_changes(visitor, account))


def access_of(request: Request) -> Access:
    """The access that the application was made with."""
    access: Access = request.app.state.access
    return access


def visitor_of(request: Request) -> Visitor:
    """Whoever asks; looked up once for each request."""
    found: Visitor | None = getattr(request.state, "visitor", None)
    if found is None:
        found = _look_up(request)
        request.state.visitor = found
    return found


def visitor_or_public(request: Request) -> Visitor:
    """Whoever asks, or the public where that cannot be looked up: for pages about errors."""
    try:
        return visitor_of(request)
    except CollectorError:
        return Visitor(session=None, secret=secrets.token_urlsafe(_FORM_SECRET_BYTES), is_new=True)


AccessOf = Annotated[Access, Depends(access_of)]
VisitorOf = Annotated[Visitor, Depends(visitor_of)]


def needs(permission: Permission) -> Any:
    """A dependency that lets only those pass whose role has that right.

    It gives the :class:`Visitor`. Whoever is not logged in is sent to the login, or answered with
    401 where no person waits for a page; a role without the right gets 403.
    """

    def passed(visitor: VisitorOf) -> Visitor:
        if visitor.role is None:
            raise NotSignedInError(expired=visitor.expired)
        if not visitor.may(permission):
            raise NotAllowedError(visitor.role.value)
        return visitor

    passed.permission = permission  # type: ignore[attr-defined]
    return Depends(passed)


def signed_in(visitor: VisitorOf) -> Visitor:
    """A dependency that lets everybody pass who is logged in."""
    if visitor.session is None:
        raise NotSignedInError(expired=visitor.expired)
    return visitor


SignedIn = Annotated[Visitor, Depends(signed_in)]


def goes_on(request: Request, visitor: Visitor) -> bool:
    """Whether the visitor's session is not over, for answers that last, such as streams."""
    if visitor.session is None:
        return True
    access = access_of(request)
    held = request.cookies.get(access.cookies.name("session"), "")
    return access.sessions.find(held, at_work=False) is not None


def _look_up(request: Request) -> Visitor:
    access = access_of(request)
    address = request.client.host if request.client else ""
    held = request.cookies.get(access.cookies.name("session"))
    if held:
        # A page that is left open asks for news by itself: that is nobody at work.
        session = access.sessions.find(held, at_work=is_page_wanted(request))
        if session is not None:
            return Visitor(session=session, secret=held, address=address)
    secret = request.cookies.get(access.cookies.name("form"))
    return Visitor(
        session=None,
        secret=secret or secrets.token_urlsafe(_FORM_SECRET_BYTES),
        is_new=not secret,
        expired=bool(held),
        address=address,
    )
