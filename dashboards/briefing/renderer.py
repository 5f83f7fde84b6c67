"""Draws charts in a process of its own.

vl-convert holds the interpreter's lock while it works, for seconds at the first chart and at the
script; in the server's own process nobody would be answered and no message stored meanwhile. The
process starts with the server, or when it is first needed, and ends with its standard input, that
is, however the server ends.
"""

from __future__ import annotations

import gzip
import logging
import math
import os
import subprocess
import sys
from threading import Lock, Timer
from typing import Any, Final, Literal

import msgspec

from collector.errors import CollectorError
from dashboards.briefing.cache import Cache

_LONGEST_S: Final = 60.0

_log = logging.getLogger(__name__)


class RendererError(CollectorError):
    """A chart could not be drawn."""


class _Request(msgspec.Struct):
    wanted: Literal["svg", "script"]
    spec: dict[str, Any] | None = None


class _Answer(msgspec.Struct):
    text: str | None = None
    error: str | None = None


class Renderer:
    """The drawing process, used by one thread at a time; :meth:`close` ends it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = Lock()
        self._closed = False
        self._script: Cache[None, bytes] = Cache(math.inf)

    def svg(self, spec: dict[str, Any]) -> bytes:
        """Return the chart of a Vega-Lite specification as SVG."""
        return self._ask(_Request("svg", spec)).encode()

    def script_gzip(self) -> bytes:
        """Return the JavaScript that draws charts live, compressed; it is made once."""

        def make() -> bytes:
            return gzip.compress(self._ask(_Request("script")).encode(), mtime=0)

        return self._script.get(None, make)

    def warm_up(self) -> None:
        """Start the process and make the script, so that the first reader need not wait."""
        try:
            self.script_gzip()
        except RendererError as error:
            if not self._closed:
                _log.warning("no charts for now: %s", error)

    def close(self) -> None:
        """End the process, whatever it is at."""
        self._closed = True
        if (process := self._process) is not None:
            process.kill()
        with self._lock:
            self._stop()

    def _ask(self, request: _Request) -> str:
        with self._lock:
            if self._closed:
                raise RendererError("no charts are drawn any more: the server is ending")
            process = self._running()
            # A process that hangs is ended, which ends the waiting below.
            watch = Timer(_LONGEST_S, process.kill)
            watch.daemon = True
            watch.start()
            try:
                line = _exchange(process, msgspec.json.encode(request))
            finally:
                watch.cancel()
            if not line:
                self._stop()
                raise RendererError("the process that draws charts ended: ask again")
        answer = msgspec.json.decode(line, type=_Answer)
        if answer.text is None:
            raise RendererError(f"the chart could not be drawn: {answer.error}")
        return answer.text

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._stop()
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # Ctrl-C is the server's to answer; it reaches every process of the terminal.
                start_new_session=True,
            )
        return self._process

    def _stop(self) -> None:
        if self._process is not None:
            process, self._process = self._process, None
            process.kill()
            process.communicate()


def _exchange(process: subprocess.Popen[bytes], request: bytes) -> bytes:
    if process.stdin is None or process.stdout is None:
        raise RendererError("the process that draws charts has no pipes")
    try:
        process.stdin.write(request + b"\n")
        process.stdin.flush()
    except BrokenPipeError:
        return b""
    return process.stdout.readline()


def _serve() -> None:
    # Receiving and storing come first.
    os.nice(5)
    from collector import vega  # noqa: PLC0415 - only this process pays for loading it

    for line in sys.stdin.buffer:
        request = msgspec.json.decode(line, type=_Request)
        try:
            text = vega.svg(request.spec or {}) if request.wanted == "svg" else vega.embed_script()
            answer = _Answer(text=text)
        except ValueError as error:
            answer = _Answer(error=" ".join(str(error).split())[:500])
        sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    _serve()
