"""What a service manager does in tests: it listens on a socket to what its services say."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.peers import wait_for


class ServiceManager:
    """A real datagram socket in place of systemd's; `environment` is what a service is given."""

    def __init__(self, watchdog_s: float | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="skolro-notify-")
        path = Path(self._folder.name) / "notify"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)
        self._heard: list[str] = []
        self.environment = {"NOTIFY_SOCKET": str(path)}
        if watchdog_s is not None:
            self.environment["WATCHDOG_USEC"] = str(round(watchdog_s * 1e6))

    @property
    def heard(self) -> list[str]:
        """All that was said so far, in order."""
        while True:
            try:
                self._heard.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return list(self._heard)

    def forget(self) -> None:
        """Begin to listen anew."""
        assert self.heard is not None
        self._heard.clear()

    def expect(self, start: str, timeout_s: float = 15.0) -> str:
        """Wait until something that begins so was said, and return it."""
        said: str = wait_for(
            lambda: next((one for one in self.heard if one.startswith(start)), None),
            timeout_s,
            f"{start} was not said, but {self._heard}",
        )
        return said

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()
        self._folder.cleanup()
