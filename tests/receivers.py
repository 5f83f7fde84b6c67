"""Those who receive in tests: a real mail server and a real web server on free ports."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.peers import free_port


class Mailbox:
    """A mail server that keeps what it is sent, and can be taken away and brought back."""

    def __init__(self) -> None:
        self.port = free_port()
        self.mails: list[EmailMessage] = []
        self.refusing = False
        self._controller: Controller | None = None

    def start(self) -> None:
        """Let it listen."""
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def stop(self) -> None:
        """Let nobody in."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def url(self, to: str = "vakt@example.org") -> str:
        """How Apprise writes it."""
        return f"mailto://127.0.0.1:{self.port}/?from=skolro@example.org&to={to}&mode=insecure"

    def subjects(self) -> list[str]:
        """Of all mails in their order."""
        return [str(mail["Subject"]) for mail in self.mails]

    def body(self, number: int = -1) -> str:
        """The text of a mail."""
        part = self.mails[number].get_body(("plain",))
        assert part is not None
        return str(part.get_content()).strip()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep a mail, or refuse it."""
        if self.refusing:
            return "451 try again later"
        content = envelope.content
        assert isinstance(content, bytes)
        mail = message_from_bytes(content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """A mail server that runs."""
    server = Mailbox()
    server.start()
    try:
        yield server
    finally:
        server.stop()


@dataclass(frozen=True)
class Request:
    """What somebody sent."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """A web server that keeps what it is sent; `answer` says what it answers next."""

    port: int
    requests: list[Request] = field(default_factory=list)
    status: int = 200
    body: bytes = b"{}"

    def answer(self, request: Request) -> tuple[int, bytes]:
        """Keep a request."""
        if self.status < 300:
            self.requests.append(request)
        return self.status, self.body


@contextmanager
def served_receiver(made: type[Receiver] = Receiver) -> Iterator[Receiver]:
    """A web server that runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers.get("Content-Length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request("POST", self.path, headers, self.rfile.read(size))
            status, body = receiver.answer(request)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = made(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
