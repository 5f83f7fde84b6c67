"""Tokens that show that a form came from our own page (CSRF).

A token belongs to the session, or to a cookie of its own before the login, and is made from what
only that browser holds. It is written in another way on each page, so that nobody learns it from
how well pages compress (BREACH).
"""

from __future__ import annotations

import hmac
import secrets
from typing import Annotated, Final

from fastapi import Depends, Request
from markupsafe import Markup

from dashboards.briefing.access.dependencies import VisitorOf
from dashboards.briefing.access.refusals import NotSignedInError, StaleFormError
from dashboards.briefing.access.visitor import Visitor

FIELD: Final = "csrf"
"""The name of the field in forms."""

HEADER: Final = "X-CSRF-Token"
"""Where scripts may put it instead."""

_SALT_BYTES: Final = 16


def token_of(visitor: Visitor) -> str:
    """Return a token for forms of this visitor."""
    return _signed(visitor, secrets.token_hex(_SALT_BYTES))


def csrf_field(visitor: Visitor) -> Markup:
    """Return the field that every form that changes something needs."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, token_of(visitor))


def holds(visitor: Visitor, token: str) -> bool:
    """Whether a token is this visitor's."""
    salt, _, _ = token.partition(".")
    return hmac.compare_digest(_signed(visitor, salt).encode(), token.encode())


async def csrf_checked(request: Request, visitor: VisitorOf) -> None:
    """A dependency of every route that changes something.

    Raises
    ------
    StaleFormError, NotSignedInError
        The form is not from a page of this session, or the session is over.
    """
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        raise StaleFormError
    token = request.headers.get(HEADER)
    if token is None:
        field = (await request.form()).get(FIELD)
        token = field if isinstance(field, str) else ""
    if not holds(visitor, token):
        raise NotSignedInError(expired=True) if visitor.expired else StaleFormError


CSRF_CHECKED: Final = Depends(csrf_checked)
CsrfChecked = Annotated[None, CSRF_CHECKED]


def _signed(visitor: Visitor, salt: str) -> str:
    made = hmac.digest(visitor.secret.encode(), b"skolro form " + salt.encode(), "sha256")
    return f"{salt}.{made.hex()}"
