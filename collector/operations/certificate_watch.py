"""The thread that looks now and then until when the server's certificates hold."""

from __future__ import annotations

import logging
import threading
from typing import Final

from collector.certificates import Certificates, certificates_of
from collector.config import CollectorConfig

log = logging.getLogger(__name__)

EVERY_S: Final = 3600.0


class CertificateWatch:
    """Looks every hour; a thread of its own, since whoever is asked may keep it waiting.

    Attributes
    ----------
    found : mapping
        What the last look found; nothing before the first.
    """

    def __init__(self, config: CollectorConfig) -> None:
        self._config = config
        self.found: Certificates = {}
        self._stopping = threading.Event()
        # A daemon that nobody waits for: it only reads.
        self._thread = threading.Thread(target=self._run, name="certificates", daemon=True)

    def start(self) -> None:
        """Begin, in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.found = certificates_of(self._config)
            except Exception:
                log.exception("certificates could not be looked at; it is tried again")
            self._stopping.wait(EVERY_S)
