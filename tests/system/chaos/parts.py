"""What can fail: each part is killed as by a power cut, and comes back."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PAUSE_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Part:
    """Something that fails and comes back; `kind` is what it is counted as."""

    kind: str
    fail: Callable[[], None]
    come_back: Callable[[], None]


class Program:
    """A program that runs until it is killed; one that ends by itself is started again.

    The latter is what systemd does with the product's services: a collector that finds no broker
    at its start says so and ends.
    """

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._command = [sys.executable, *command]
        self._log = log
        self._wanted = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = threading.Event()
        self.ended_by_itself = 0
        self._watch = threading.Thread(target=self._keep_up, daemon=True)
        self._watch.start()

    def start(self) -> None:
        """Run."""
        with self._lock:
            self._wanted.set()
            self._spawn()

    def kill(self) -> None:
        """End it as a power cut would."""
        with self._lock:
            self._wanted.clear()
            if self._process is not None:
                self._process.kill()
                self._process.wait()
                self._process = None

    def close(self) -> None:
        """End it for good."""
        self.kill()
        self._ended.set()
        self._watch.join()

    def _spawn(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)

    def _keep_up(self) -> None:
        while not self._ended.wait(_PAUSE_S):
            with self._lock:
                if self._wanted.is_set() and self._process and self._process.poll() is not None:
                    self.ended_by_itself += 1
                    self._spawn()
