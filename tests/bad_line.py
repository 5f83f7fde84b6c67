"""A web server on a bad line: connections break after some bytes."""

from __future__ import annotations

import functools
import http.server
import re
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files with ranges, and breaks off as its server says."""

    server: _Server

    def do_GET(self) -> None:
        """Send what is asked for, or the beginning of it."""
        line = self.server.line
        path = Path(self.translate_path(self.path))
        line.asked.append((self.path, self.headers.get("Range")))
        if line.answers_wrongly is not None or not path.is_file():
            self.send_error(line.answers_wrongly or 404)
            return
        content, first = path.read_bytes(), 0
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if match and line.knows_ranges:
            first = int(match[1])
            if first >= len(content):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        rest = content[first:]
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        sent = rest if line.breaks_after is None else rest[: line.breaks_after]
        self.wfile.write(sent)
        line.sent += len(sent)
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class _Server(http.server.ThreadingHTTPServer):
    line: BadLine


class BadLine:
    """Serves a folder at `url`.

    Attributes
    ----------
    breaks_after : int, optional
        Bytes after which each connection breaks.
    knows_ranges : bool
        Whether it goes on where somebody was.
    answers_wrongly : int, optional
        Status of every answer.
    asked : list of (path, range)
        What was asked for.
    sent : int
        Bytes of content that went out.
    """

    def __init__(self, folder: Path, breaks_after: int | None = None) -> None:
        self.breaks_after = breaks_after
        self.knows_ranges = True
        self.answers_wrongly: int | None = None
        self.asked: list[tuple[str, str | None]] = []
        self.sent = 0
        handler = functools.partial(_Handler, directory=str(folder))
        self._server = _Server(("127.0.0.1", 0), handler)
        self._server.line = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
