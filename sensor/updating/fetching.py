"""Files by their SHA-256 over a bad line: what was received stays received.

Whoever serves them needs no trust, since each is checked against the hash that was signed. A file
is used only whole; its beginning waits under another name for the rest.
"""

from __future__ import annotations

import hashlib
import http.client
import logging
import os
import shutil
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from sensor.errors import UpdateError, UpdateLaterError

log = logging.getLogger(__name__)

TIMEOUT_S: Final = 30.0
"""Without a byte for so long, the connection is given up, and the rest asked for on another."""

PATIENCE: Final = 5
"""Attempts in a row that bring nothing, before it is left for later."""

_PIECE: Final = 64 * 1024
_SPARE_BYTES: Final = 64 * 1024 * 1024
"""Of the disk, left for what the node measures."""


class Store:
    """Files by their SHA-256 in a folder.

    Parameters
    ----------
    folder : Path
        Where they are kept.
    ca_file : Path, optional
        An authority that servers are trusted by, besides those that the system knows.
    sleep : callable
        Waits between attempts.
    """

    def __init__(
        self,
        folder: Path,
        ca_file: Path | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._folder = folder
        self._ca_file = ca_file
        self._sleep = sleep

    def path(self, sha256: str) -> Path:
        """Where the file is, once it is whole."""
        return self._folder / sha256

    def has(self, sha256: str) -> bool:
        """Whether it is there as a whole."""
        return self.path(sha256).exists()

    def fetch(self, sha256: str, size: int, urls: Sequence[str]) -> Path:
        """Return the file, from one of `urls` as far as it is not here.

        Raises
        ------
        UpdateLaterError
            Not all of it came, the disk is full, or certificates cannot be checked.
        UpdateError
            What comes is another file.
        """
        path = self.path(sha256)
        if path.exists():
            return path
        part = self._folder / f"{sha256}.part"
        self._complete(part, size, urls)
        found = _sha256(part)
        if found != sha256:
            part.unlink()
            raise UpdateError(
                f"{urls[0]} is not the file that was signed: its SHA-256 is {found[:16]}…, not "
                f"{sha256[:16]}…; make the release anew, and wish for it again"
            )
        _sync(part)
        part.replace(path)
        return path

    def fetch_small(self, most: int, urls: Sequence[str]) -> bytes:
        """Return a file of at most `most` bytes whose hash is not known, and which is not kept."""
        failure = ""
        for attempt in range(PATIENCE):
            for url in urls:
                try:
                    with self._open(url, 0) as answer:
                        content: bytes = answer.read(most + 1)
                except (OSError, http.client.HTTPException) as error:
                    failure = _told(url, error)
                    continue
                if len(content) <= most:
                    return content
                raise UpdateError(f"{url} has more than the {most} bytes that it may have")
            self._sleep(2.0**attempt)
        raise UpdateLaterError(failure)

    def missing_bytes(self, files: Iterable[tuple[str, int]]) -> int:
        """How much of `files`, each a SHA-256 and a size, is still to come."""
        return sum(
            size - _size(self._folder / f"{sha256}.part")
            for sha256, size in files
            if not self.has(sha256)
        )

    def forget_all_but(self, kept: Iterable[str]) -> None:
        """Make room: only what is `kept` stays."""
        keep = set(kept)
        for path in self._folder.iterdir():
            if path.name not in keep:
                path.unlink(missing_ok=True)

    def _complete(self, part: Path, size: int, urls: Sequence[str]) -> None:
        attempt, failure, most = 0, "nothing was tried", _size(part)
        while _size(part) < size:
            if attempt >= PATIENCE:
                raise UpdateLaterError(f"{failure}; {_size(part)} of {size} bytes are here")
            for url in urls:
                try:
                    self._resume(part, size, url)
                except (OSError, http.client.HTTPException) as error:
                    require_room(error, self._folder)
                    if getattr(error, "code", None) == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
                        # Longer here than there: not the beginning of it.
                        part.unlink(missing_ok=True)
                    failure = _told(url, error)
                if _size(part) >= size:
                    return
            # A line that brings more than ever, however little, is a line.
            attempt = 0 if _size(part) > most else attempt + 1
            most = max(most, _size(part))
            self._sleep(2.0**attempt)

    def _resume(self, part: Path, size: int, url: str) -> None:
        have = _size(part)
        with self._open(url, have) as answer:
            if have and not _continues(answer, have):
                part.unlink()
                have = 0
            with part.open("ab") as file:
                while have < size and (piece := answer.read(min(_PIECE, size - have))):
                    file.write(piece)
                    have += len(piece)
        if have < size:
            raise http.client.IncompleteRead(b"", size - have)

    def _open(self, url: str, have: int) -> Any:
        headers = {"Accept-Encoding": "identity", "User-Agent": "skolro-node"}
        if have:
            headers["Range"] = f"bytes={have}-"
        # The contract lets only http and https through.
        request = urllib.request.Request(url, headers=headers)  # noqa: S310
        context = ssl.create_default_context()
        if self._ca_file is not None and self._ca_file.exists():
            context.load_verify_locations(self._ca_file)
        return urllib.request.urlopen(request, timeout=TIMEOUT_S, context=context)  # noqa: S310


def require_room(error: Exception, folder: Path) -> None:
    """Raise :class:`UpdateLaterError` where `error` says that the disk is full."""
    if isinstance(error, OSError) and error.errno in _FULL:
        raise UpdateLaterError(
            f"the disk is full, with {_mb(shutil.disk_usage(folder).free)} MB free: the update "
            "waits until there is room"
        ) from error


def require_space(folder: Path, wanted: int) -> None:
    """Raise :class:`UpdateLaterError` unless `wanted` bytes and some to spare are free."""
    free = shutil.disk_usage(folder).free
    if free < wanted + _SPARE_BYTES:
        raise UpdateLaterError(
            f"the disk has {_mb(free)} MB free, and the update needs {_mb(wanted + _SPARE_BYTES)} "
            "MB: it waits until there is room"
        )


_FULL: Final = frozenset({28, 122})  # ENOSPC, EDQUOT


def _mb(count: int) -> int:
    return count // 1_000_000


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _continues(answer: Any, have: int) -> bool:
    """Whether the answer goes on where we are, and does not begin anew."""
    told = str(answer.headers.get("Content-Range", ""))
    return answer.status == http.client.PARTIAL_CONTENT and told.startswith(f"bytes {have}-")


def _told(url: str, error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    if isinstance(reason, ssl.SSLCertVerificationError):
        clock = time.strftime("%Y-%m-%d %H:%M", time.gmtime())
        return (
            f"the certificate of {url} is not believed ({reason.verify_message}), while the clock "
            f"here shows {clock} UTC"
        )
    if isinstance(error, urllib.error.HTTPError):
        return f"{url} answers {error.code} {error.reason}"
    if isinstance(error, http.client.IncompleteRead):
        return f"{url}: the line broke"
    return f"{url} cannot be reached ({getattr(reason, 'strerror', None) or reason})"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
