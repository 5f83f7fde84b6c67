"""A real PostgreSQL for tests: a cluster of its own that nobody else sees."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

from tests.peers import wait_for

_ROOT = 0
_USER = "postgres"


def programs() -> Path | None:
    """Where the newest PostgreSQL has its programs; None: it is not installed."""
    versions = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    newest = max(versions, key=lambda path: int(path.parent.name), default=None)
    on_path = shutil.which("initdb")
    return newest or (Path(on_path).parent if on_path else None)


class Cluster:
    """A server that listens on a Unix socket in its own folder, and trusts whoever finds it.

    It refuses to run as root, so it runs as its own user then. Unless it is to be `durable`,
    nothing is flushed to the disk: what survives a power cut is PostgreSQL's affair, not ours.
    """

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        """Use the programs in `folder`."""
        self._flush = "on" if durable else "off"
        self._programs = folder
        self._home = Path(tempfile.mkdtemp(prefix="skolro-pg-"))
        self._as: dict[str, Any] = {}
        if os.geteuid() == _ROOT:
            shutil.chown(self._home, _USER, _USER)
            self._as = {"user": _USER, "group": _USER, "extra_groups": []}
        self._process: subprocess.Popen[bytes] | None = None

    def new_database(self) -> str:
        """Return the URL of an empty database, in place of the one before.

        There is only one at a time: each new one would be 300 files on the disk.
        """
        others = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(others)
            connection.execute("SET client_min_messages = warning")
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        return self._url

    def __enter__(self) -> Self:
        self._run("initdb", "--no-sync", "--auth=trust", "--username", _USER, "--locale=C.UTF-8")
        settings = (
            "listen_addresses=", f"unix_socket_directories={self._home}", f"fsync={self._flush}",
            f"full_page_writes={self._flush}", "max_connections=300", "shared_buffers=32MB",
        )  # fmt: skip
        command = [str(self._programs / "postgres"), "-D", str(self._home / "data")]
        with (self._home / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*command, *(part for setting in settings for part in ("-c", setting))],
                stdout=log, stderr=log, cwd="/", **self._as,
            )  # fmt: skip
        wait_for(self._answers, 30.0, "PostgreSQL does not answer")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
        shutil.rmtree(self._home)

    @property
    def _url(self) -> str:
        return f"postgresql://{_USER}@/{_USER}?host={self._home}"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), "-D", str(self._home / "data"), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd="/", **self._as)

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise AssertionError(f"PostgreSQL ended: {(self._home / 'log').read_text()[-500:]}")
        try:
            psycopg.connect(self._url).close()
        except psycopg.OperationalError:
            return False
        return True
