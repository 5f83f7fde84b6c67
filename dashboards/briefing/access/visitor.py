"""Who asks: somebody who is logged in, or the public; a person at a page, or a program."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from collector.registry.accounts import Account
from dashboards.briefing.access.roles import MAY, Permission, Role
from dashboards.briefing.access.sessions import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Whoever asks.

    Attributes
    ----------
    session : Session, optional
        None: the public.
    secret : str
        What only this browser holds; the tokens of its forms are made from it.
    is_new : bool
        Whether the browser does not hold that secret yet.
    expired : bool
        Whether it holds a session that is over.
    address : str
        Where the request came from.
    """

    session: Session | None
    secret: str
    is_new: bool = False
    expired: bool = False
    address: str = ""

    @property
    def account(self) -> Account | None:
        """Whose session it is; None: the public."""
        return None if self.session is None else self.session.account

    @property
    def role(self) -> Role | None:
        """In which role; None: the public."""
        return None if self.account is None else self.account.role

    def may(self, permission: Permission | str) -> bool:
        """Whether that role has that right; templates write ``visitor.may("see_plan")``."""
        return self.role in MAY[Permission(permission)]


def is_page_wanted(request: Request) -> bool:
    """Whether a person waits for a page, rather than a script or program for data."""
    destination = request.headers.get("Sec-Fetch-Dest")
    if destination is not None:
        return destination == "document"
    return not request.url.path.startswith(
        ("/api/", "/live/", "/chart/", "/feeds/", "/health", "/ngsi-ld/", "/openapi")
    )
