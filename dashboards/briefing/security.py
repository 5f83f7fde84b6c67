"""Headers that keep the pages to themselves: nothing is loaded from, or sent to, elsewhere."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "object-src 'none'",
    )
)

HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


ENCRYPTED_HEADERS: Final = {"Strict-Transport-Security": "max-age=31536000"}
"""For a year, browsers come by https only."""


class SecurityHeaders:
    """ASGI middleware that adds headers to every answer.

    Parameters
    ----------
    headers : dict
        :data:`HEADERS`, and :data:`ENCRYPTED_HEADERS` where people come by https.
    """

    def __init__(self, app: ASGIApp, headers: dict[str, str]) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    # A page may have more of its own, where it says why.
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)
