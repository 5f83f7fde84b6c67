"""Charts are drawn in a process of their own, which may die without taking the pages along."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from dashboards.briefing.renderer import Renderer, RendererError
from tests.dashboards.briefing.conftest import served
from tests.peers import wait_for

SPEC = {"mark": "point", "data": {"values": [{}]}}


@pytest.fixture
def renderer() -> Iterator[Renderer]:
    made = Renderer()
    yield made
    made.close()


def _process_of(renderer: Renderer) -> int:
    assert renderer._process is not None
    return renderer._process.pid


def test_it_draws_and_outlives_nonsense_and_murder(renderer: Renderer) -> None:
    assert renderer.svg(SPEC).startswith(b"<svg")
    with pytest.raises(RendererError, match="could not be drawn"):
        renderer.svg({"mark": "nonsense", "data": 7})
    assert renderer.svg(SPEC).startswith(b"<svg")
    os.kill(_process_of(renderer), signal.SIGKILL)
    wait_for(lambda: renderer._process is not None and renderer._process.poll() is not None)
    assert renderer.svg(SPEC).startswith(b"<svg")


def test_the_script_is_complete_and_made_once(renderer: Renderer) -> None:
    script = renderer.script_gzip()
    assert b"window.vegaEmbed" in gzip.decompress(script)
    assert renderer.script_gzip() is script


def test_once_closed_it_draws_no_more(renderer: Renderer) -> None:
    renderer.close()
    with pytest.raises(RendererError, match="ending"):
        renderer.svg(SPEC)


def test_it_fetches_nothing(renderer: Renderer) -> None:
    with pytest.raises(RendererError):
        renderer.svg({"mark": "point", "data": {"url": "http://127.0.0.1:9/data.json"}})


def test_its_process_ends_with_a_server_that_is_killed() -> None:
    program = f"""
import time
from dashboards.briefing.renderer import Renderer
renderer = Renderer()
renderer.svg({SPEC!r})
print(renderer._process.pid, flush=True)
time.sleep(600)
"""
    server = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    child = int(server.stdout.readline())
    server.kill()
    server.communicate()
    wait_for(lambda: not _runs(child), 20.0, "the drawing process was left behind")


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{process}/stat", encoding="ascii") as stat:  # noqa: PTH123 - a file of Linux
        # A zombie has ended; whoever adopts it here need not collect it.
        return stat.read().rpartition(")")[2].split()[0] != "Z"


def test_it_starts_and_ends_with_the_application(app: FastAPI) -> None:
    renderer: Renderer = app.state.renderer
    with served(app, lifespan="on"):
        wait_for(lambda: renderer._process, 20.0, "the drawing process was not started")
        process = _process_of(renderer)
    assert not _runs(process)
