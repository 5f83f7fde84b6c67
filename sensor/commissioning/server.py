"""The node's own web server, for one phone and for as long as the door is open.

The standard library's server is enough for one phone, and adds nothing to what a node installs. It
is given little to do: a few fixed paths, bodies of some kilobytes, seconds to come in, and few
connections at a time.
"""

from __future__ import annotations

import hmac
import html
import json
import logging
import sys
import threading
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from sensor.commissioning.opening import Door
from sensor.commissioning.page import STATIC, rendered, state, static, text, words_json
from sensor.commissioning.problems import WorkError
from sensor.commissioning.requests import REQUESTS, Leave
from sensor.commissioning.work import Work
from sensor.config import CommissioningPage
from sensor.contract.words import Code
from sensor.errors import CommissioningError, SensorError

log = logging.getLogger(__name__)

COOKIE: Final = "skolro"
LANGUAGE: Final = "lang"
MOST_BODY: Final = 16_384
_MOST_AT_ONCE: Final = 12
_SLOWEST_S: Final = 10.0

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Permissions-Policy": "camera=(), geolocation=(self), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class PageServer(ThreadingHTTPServer):
    """Serves the page; `door` says who may come in, `work` does what is asked.

    Raises
    ------
    CommissioningError
        Somebody else listens there.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, page: CommissioningPage, node: str, door: Door, work: Work) -> None:
        self.node = node
        self.door = door
        self.work = work
        self.lock = threading.Lock()
        self._room = threading.BoundedSemaphore(_MOST_AT_ONCE)
        try:
            super().__init__((page.listen, page.port), _Handler)
        except OSError as error:
            raise CommissioningError(
                f"the commissioning page cannot listen at {page.listen}:{page.port} "
                f"({error.strerror}): set another port in [commissioning]"
            ) from error
        self._thread = threading.Thread(target=self.serve_forever, name="page", daemon=True)

    def start(self) -> None:
        """Serve, in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """End soon."""
        self.shutdown()
        self.server_close()
        self._thread.join()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Take a connection, unless there are too many."""
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer it, and make room for another."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class's signature
        """Note what went wrong with a connection; a phone that goes away is nothing."""
        log.debug("a connection of the commissioning page ended: %s", sys.exc_info()[1])


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    server_version = "Skolro"
    sys_version = ""
    timeout = _SLOWEST_S

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path in STATIC:
            self._send(static(path), STATIC[path])
        elif path == "/":
            self._page()
        elif path == "/state":
            if self._is_in():
                self._send_json(state(self.server.work))
            else:
                self._send_json({}, HTTPStatus.UNAUTHORIZED)
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        path = urlsplit(self.path).path
        body = self._body()
        if body is None:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        elif self.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
            self.send_error(HTTPStatus.FORBIDDEN)
        elif path == "/login":
            self._login(body)
        elif path.startswith("/act/") and path[5:] in REQUESTS:
            self._act(path[5:], body)
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def _body(self) -> bytes | None:
        """What was sent; None: more than anybody needs, or nobody says how much."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MOST_BODY:
            return None
        return self.rfile.read(int(length))

    # --- who is there

    @property
    def _cookies(self) -> SimpleCookie:
        try:
            return SimpleCookie(self.headers.get("Cookie", ""))
        except CookieError:
            return SimpleCookie()

    @property
    def _session(self) -> str:
        found = self._cookies.get(COOKIE)
        return found.value if found else ""

    def _is_in(self) -> bool:
        with self.server.lock:
            return self.server.door.knows(self._session)

    @property
    def _language(self) -> Code:
        asked = parse_qs(urlsplit(self.path).query).get(LANGUAGE, [""])[0]
        kept = self._cookies.get(LANGUAGE)
        chosen = asked or (kept.value if kept else "")
        return "en" if chosen == "en" else "sv"

    def _csrf(self) -> str:
        return hmac.digest(self._session.encode(), b"skolro commissioning", "sha256").hex()

    def _login(self, body: bytes) -> None:
        code = parse_qs(body.decode("ascii", "replace")).get("code", [""])[0]
        with self.server.lock:
            session = self.server.door.try_code(code)
            opening = self.server.door.look()
        if session is not None:
            log.warning("commissioning: a phone at %s has come in", self.client_address[0])
            self._redirect(f"{COOKIE}={session}; Path=/; HttpOnly; SameSite=Strict")
            return
        log.warning("commissioning: a wrong code from %s", self.client_address[0])
        if opening is None or opening.session_sha256 is not None:
            self._login_page("login.closed")
        else:
            self._login_page("login.wrong", tries=opening.tries_left)

    # --- what is asked

    def _act(self, name: str, body: bytes) -> None:
        if not self._is_in():
            self._send_json({}, HTTPStatus.UNAUTHORIZED)
            return
        token = self.headers.get("X-CSRF-Token", "")
        if not hmac.compare_digest(token.encode(), self._csrf().encode()):
            self.send_error(HTTPStatus.FORBIDDEN)
            return
        try:
            request = msgspec.json.decode(body, type=REQUESTS[name])
            self.server.work.act(request)
        except msgspec.MsgspecError as error:
            # The page has only its own words for what is wrong; where it is, is the same in all.
            self._refuse("invalid", str(error))
        except WorkError as error:
            self._refuse(error.problem)
        except SensorError as error:
            log.error("commissioning: %s", error)
            self._refuse("failed")
        else:
            if isinstance(request, Leave):
                with self.server.lock:
                    self.server.door.close()
                self._send_json({"closed": True})
            else:
                self._send_json(state(self.server.work))

    def _refuse(self, problem: str, detail: str = "") -> None:
        answer = {"error": problem, "detail": detail}
        self._send_json(answer, HTTPStatus.UNPROCESSABLE_ENTITY)

    # --- what is answered

    def _page(self) -> None:
        if not self._is_in():
            self._login_page()
            return
        code = self._language
        page = rendered(
            "page.html",
            code,
            node=html.escape(self.server.node),
            csrf=self._csrf(),
            words=words_json(code),
        )
        self._send(page, "text/html; charset=utf-8")

    def _login_page(self, key: str | None = None, **values: object) -> None:
        code = self._language
        message = ""
        if key is not None:
            told = html.escape(text(code, key, **values))
            message = f'<p class="problem" role="alert">{told}</p>'
        page = rendered("login.html", code, node=html.escape(self.server.node), message=message)
        self._send(page, "text/html; charset=utf-8")

    def _send_json(self, content: Any, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(json.dumps(content).encode(), "application/json", status)

    def _redirect(self, cookie: str) -> None:
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Location", "/")
        self.send_header("Set-Cookie", cookie)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, body: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if LANGUAGE in parse_qs(urlsplit(self.path).query):
            self.send_header("Set-Cookie", f"{LANGUAGE}={self._language}; Path=/; SameSite=Strict")
        self.end_headers()
        self.wfile.write(body)

    def end_headers(self) -> None:
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base class's signature
        log.debug(format, *arguments)
