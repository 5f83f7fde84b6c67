"""deploy/nightly.sh with a real ledger: what a container does in place of timers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from collector.ledger.ledger import Ledger
from tests.peers import wait_for

SCRIPT = Path(__file__).parents[2] / "deploy/nightly.sh"


@pytest.fixture
def config(tmp_path: Path, database_url: str, ledger: Ledger) -> Path:
    """Of a collector with a ledger."""
    assert ledger.counts().messages == 0
    path = tmp_path / "collector.toml"
    path.write_text(f'ledger = "{database_url}"\n')
    (tmp_path / "backup").mkdir()
    return path


@contextmanager
def running(config: Path) -> Iterator[subprocess.Popen[str]]:
    """The script, with the `skolro` of this environment."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    process = subprocess.Popen(
        ["sh", SCRIPT, config, config.parent / "backup"],
        env=os.environ | {"PATH": path}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        with process:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def said(process: subprocess.Popen[str], text: str) -> list[str]:
    """Wait for a line with `text`; all lines until there."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if text in line:
            return lines
    raise AssertionError("".join(lines))


def copies(config: Path) -> list[Path]:
    """The copies that are there."""
    return sorted((config.parent / "backup").glob("ledger-*.sqlite"))


def test_a_first_copy_is_made_at_once_and_retention_applied(config: Path) -> None:
    with running(config) as process:
        said(process, "disturbances")
        assert len(copies(config)) == 1
        process.terminate()
        assert process.wait(10) == 0


def test_with_a_copy_of_today_it_waits_for_the_night_and_ends_when_told(config: Path) -> None:
    (config.parent / "backup/ledger-20261122T024000Z.sqlite").write_bytes(b"")
    with running(config) as process:
        pid = process.pid
        wait_for(lambda: _children(pid), 30, "it does not wait")
        (waiting,) = _children(pid)
        assert len(copies(config)) == 1
        process.terminate()
        assert process.wait(10) == 0
        wait_for(lambda: not Path(f"/proc/{waiting}").exists(), 10, "its sleep goes on")


def _children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    children = [int(one) for one in path.read_text().split()] if path.exists() else []
    return [one for one in children if _name(one) == "sleep\n"]


def _name(pid: int) -> str:
    """What a process is called; nothing where it has ended since it was listed."""
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
