"""Summaries that are being made for those who asked on a page, and are kept for a while.

One at a time is made, in a process of its own; the others wait their turn. Nothing outlives the
server: files lie in a temporary folder, and go an hour after they were made.
"""

from __future__ import annotations

import logging
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

from collector.config import CollectorConfig
from collector.errors import CollectorError
from collector.evidence.orders import News, Order
from collector.evidence.request import Request

State: TypeAlias = Literal["waiting", "running", "ready", "failed"]

KEPT_S: Final = 3600.0
MOST_OF_ONE: Final = 3
"""Summaries that one account may have here at once."""

_MOST: Final = 20

_log = logging.getLogger(__name__)


class TooManyError(CollectorError):
    """Somebody asks for more summaries than are made at once."""


@dataclass(slots=True)
class Job:
    """One summary; `owner` is the account that asked for it, and `reason` says what for."""

    id: str
    owner: str
    site_name: str
    request: Request
    reason: str
    folder: Path
    begun_at: float
    public: bool = False
    state: State = "waiting"
    done: int = 0
    total: int = 0
    error: str = ""
    archive: Path | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in {"ready", "failed"}

    @property
    def percent(self) -> int:
        """How much of the reading is done; the rest is told in words."""
        return 100 * self.done // self.total if self.total else 0


class Jobs:
    """All summaries of one server; :meth:`close` ends and removes them."""

    def __init__(
        self, config: CollectorConfig, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._config = config
        self._clock = clock
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._root: Path | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="evidence")
        self._closed = False

    def start(
        self,
        owner: str,
        site_name: str,
        request: Request,
        reason: str = "",
        *,
        public: bool = False,
    ) -> Job:
        """Let a summary be made; :class:`TooManyError` if there are too many already."""
        self._tidy()
        with self._lock:
            own = sum(job.owner == owner for job in self._jobs.values())
            if self._closed or own >= MOST_OF_ONE or len(self._jobs) >= _MOST:
                raise TooManyError(
                    f"at most {MOST_OF_ONE} summaries of one person are kept at a time"
                )
            if self._root is None:
                self._root = Path(tempfile.mkdtemp(prefix="skolro-evidence-"))
            number = secrets.token_hex(16)
            folder = self._root / number
            job = Job(number, owner, site_name, request, reason, folder, self._clock(), public)
            self._jobs[number] = job
        self._pool.submit(self._run, job)
        return job

    def find(self, number: str, owner: str) -> Job | None:
        """The job of that id, if it is this owner's."""
        self._tidy()
        with self._lock:
            job = self._jobs.get(number)
        return job if job is not None and job.owner == owner else None

    def of(self, owner: str) -> list[Job]:
        """All that somebody asked for, the newest first."""
        self._tidy()
        with self._lock:
            return [job for job in reversed(self._jobs.values()) if job.owner == owner]

    def remove(self, job: Job) -> None:
        """Forget a job, with its files."""
        with self._lock:
            self._jobs.pop(job.id, None)
        if job.process is not None:
            job.process.kill()
        shutil.rmtree(job.folder, ignore_errors=True)

    def close(self) -> None:
        """End what is at work, and remove all files."""
        with self._lock:
            self._closed = True
            jobs = list(self._jobs.values())
        for job in jobs:
            self.remove(job)
        self._pool.shutdown(cancel_futures=True)
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)

    def _tidy(self) -> None:
        now = self._clock()
        with self._lock:
            old = [
                job for job in self._jobs.values() if job.is_over and now - job.begun_at > KEPT_S
            ]
        for job in old:
            self.remove(job)

    def _run(self, job: Job) -> None:
        if job.id not in self._jobs:
            return
        order = Order(
            ledger=self._config.ledger,
            evidence=self._config.evidence,
            request=job.request,
            out=str(job.folder),
            who=job.owner,
            reason=job.reason,
            small_count=self._config.access.small_count if job.public else None,
        )
        try:
            self._follow(job, msgspec.json.encode(order))
        except (OSError, msgspec.MsgspecError) as error:
            _log.error("a summary could not be made: %s", error)
        if not job.is_over:
            job.state = "failed"
        job.begun_at = self._clock()

    def _follow(self, job: Job, order: bytes) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "collector.evidence.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Ctrl-C is the server's to answer; it reaches every process of the terminal.
            start_new_session=True,
        )
        with process:
            job.process = process
            job.state = "running"
            if self._closed:
                process.kill()
            if process.stdin is None or process.stdout is None:
                return
            process.stdin.write(order)
            process.stdin.close()
            for line in process.stdout:
                self._take(job, msgspec.json.decode(line, type=News))
        job.process = None

    @staticmethod
    def _take(job: Job, news: News) -> None:
        if news.error is not None:
            job.error, job.state = news.error, "failed"
        elif news.archive is not None:
            job.archive, job.state = job.folder / news.archive, "ready"
        else:
            job.done, job.total = news.done, news.total
