"""Where to go on after the login: only ever to ourselves."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode, urlsplit

from fastapi import Request

_LONGEST: Final = 500


def local_path(text: str | None) -> str:
    """Return `text` if it is a path on this server, else the start page.

    ``//elsewhere``, ``/\\elsewhere`` and the like lead to other servers in some browsers.
    """
    if not text or len(text) > _LONGEST or not text.isprintable() or "\\" in text:
        return "/"
    if not text.startswith("/") or text.startswith("//"):
        return "/"
    return text


def login_address(request: Request) -> str:
    """Return the login that leads back to what was asked for.

    A form that was sent cannot be sent again from there; its page is where to go on.
    """
    if request.method in {"GET", "HEAD"}:
        query = request.url.query
        back = local_path(f"{request.url.path}?{query}" if query else request.url.path)
    else:
        back = _referrer(request)
    return "/login" if back == "/" else f"/login?{urlencode({'next': back})}"


def _referrer(request: Request) -> str:
    came_from = urlsplit(request.headers.get("Referer", ""))
    if came_from.netloc != request.headers.get("Host"):
        return "/"
    return local_path(came_from.path)
