"""What a service tells systemd of itself: the protocol of sd_notify(3), over a socket of its own.

Where no service manager listens, nothing is said and nothing goes wrong.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping
from typing import Final

log = logging.getLogger(__name__)

_UNWATCHED_S: Final = 30.0
"""In place of what a watchdog would wait, where there is none."""


class Notifier:
    """Speaks to the service manager that `environment` names.

    Parameters
    ----------
    environment : Mapping, optional
        ``NOTIFY_SOCKET``, ``WATCHDOG_USEC`` and ``WATCHDOG_PID``, as systemd sets them.

    Attributes
    ----------
    interval_s : float
        How often to feed the watchdog: three times in the time that it waits, since a busy machine
        may be late for one.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        given = os.environ if environment is None else environment
        self._address = _address(given.get("NOTIFY_SOCKET", ""))
        self.interval_s = _watchdog_s(given) / 3
        self._status = ""

    def ready(self) -> None:
        """Say that the start is done."""
        self._tell("READY=1")

    def alive(self) -> None:
        """Feed the watchdog."""
        self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._tell("STOPPING=1")

    def status(self, text: str) -> None:
        """Have `text` shown by ``systemctl status``, where it is another than before."""
        line = " ".join(text.split())
        if line != self._status:
            self._status = line
            self._tell(f"STATUS={line}")

    def _tell(self, state: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                # Its queue may be full: whoever measures must not wait for it.
                sender.setblocking(False)
                sender.sendto(state.encode(), self._address)
        except OSError as error:
            log.warning("the service manager cannot be told %s: %s", state, error)


def _address(text: str) -> str | None:
    if text.startswith("@"):
        return f"\0{text[1:]}"
    return text if text.startswith("/") else None


def _watchdog_s(environment: Mapping[str, str]) -> float:
    pid = environment.get("WATCHDOG_PID", "")
    microseconds = environment.get("WATCHDOG_USEC", "")
    if not microseconds.isdecimal() or int(microseconds) == 0 or pid not in {"", str(os.getpid())}:
        return _UNWATCHED_S
    return int(microseconds) / 1e6
