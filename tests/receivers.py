"""Those who receive in tests: a real mail server and a real web server on free ports."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

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


_URN = re.compile(r"urn:ngsi-ld:[A-Za-z]+:[a-z0-9-]+")
_OWN_CONTEXT = "https://uri.etsi.org/ngsi-ld/"


def require_entity(entity: dict[str, Any]) -> None:
    """Fail unless this is one entity in NGSI-LD's normalized form (ETSI GS CIM 009, 4.5)."""
    assert _URN.fullmatch(entity["id"]), entity["id"]
    assert entity["id"].split(":")[2] == entity["type"]
    contexts = entity["@context"]
    assert contexts
    assert contexts[-1].startswith(_OWN_CONTEXT)
    for name, attribute in entity.items():
        if name not in {"id", "type", "@context"}:
            _require_attribute(name, attribute)


def _require_attribute(name: str, attribute: dict[str, Any]) -> None:
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name), name
    held = {"Property": "value", "GeoProperty": "value", "Relationship": "object"}
    value = attribute[held[attribute["type"]]]
    assert value is not None, name
    if attribute["type"] == "Relationship":
        assert _URN.fullmatch(value), value
    if isinstance(value, dict) and "@type" in value:
        assert value["@type"] == "DateTime"
        assert value["@value"].endswith("Z")
        datetime.fromisoformat(value["@value"])
    for inner, content in attribute.items():
        if inner == "observedAt":
            assert content.endswith("Z")
        elif inner not in {"type", "value", "object", "unitCode"}:
            _require_attribute(inner, content)


@dataclass
class ContextBroker(Receiver):
    """A strict NGSI-LD broker: it takes batch upserts, and knows what it was told last.

    `hates` are types that it refuses; `token` is what it must be shown.
    """

    entities: dict[str, dict[str, Any]] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    hates: set[str] = field(default_factory=set)
    refuses_wholly: bool = False
    token: str = ""

    def answer(self, request: Request) -> tuple[int, bytes]:
        """Take what is well formed, as a broker does: 201, 204, 207, 400, 401."""
        if self.status >= 300:
            return self.status, self.body
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            return 401, b"{}"
        assert request.path == "/ngsi-ld/v1/entityOperations/upsert"
        assert request.headers["content-type"] == "application/ld+json"
        batch = json.loads(request.body)
        assert batch
        assert len({one["id"] for one in batch}) == len(batch)
        for one in batch:
            require_entity(one)
        refused = [one["id"] for one in batch if one["type"] in self.hates]
        if refused and self.refuses_wholly:
            return 400, b'{"title": "I hate it"}'
        self.requests.append(request)
        taken = [one for one in batch if one["id"] not in refused]
        new = [one["id"] for one in taken if one["id"] not in self.entities]
        self.entities |= {one["id"]: one for one in taken}
        self.history += taken
        if refused:
            errors = [{"entityId": name, "error": {"status": 400, "title": "I hate it"}}
                      for name in refused]  # fmt: skip
            return 207, json.dumps({"success": new, "errors": errors}).encode()
        return (201, json.dumps(new).encode()) if new else (204, b"")


R = TypeVar("R", bound=Receiver)


@contextmanager
def served_receiver(made: type[R]) -> Iterator[R]:
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
