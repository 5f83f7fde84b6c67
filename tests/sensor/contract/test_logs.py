"""A service's log: every line of it a JSON object, whatever is logged, warned of or fails."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.contract.errors import SkolroError
from sensor.contract.logs import JsonFormatter, last_word_logged

ROOT = Path(__file__).parents[3]

PROGRAM = """
import logging, threading, warnings
from sensor.contract.errors import SkolroError
from sensor.contract.logs import last_word_logged, set_up_logging
set_up_logging({log_format!r})
log = logging.getLogger("skolro.test")
log.debug("not this")
log.info("two\\nlines of %s", "Ekskolan", extra={{"node": "ekskolan-1"}})
warnings.warn("old", DeprecationWarning)
thread = threading.Thread(target=lambda: 1 / 0, name="worker")
thread.start()
thread.join()
with last_word_logged({log_format!r}):
    {last}
"""


def run(log_format: str, last: str) -> tuple[int, list[str]]:
    """Status and lines of a program that logs in many ways."""
    ended = subprocess.run(
        [sys.executable, "-W", "always", "-c", PROGRAM.format(log_format=log_format, last=last)],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    return ended.returncode, ended.stderr.splitlines()


def test_every_line_is_an_object() -> None:
    status, lines = run("json", "raise SkolroError('the disk is full: make room')")
    entries: list[dict[str, Any]] = [json.loads(line) for line in lines]
    assert status == 2
    assert [(one["level"], one["logger"]) for one in entries] == [
        ("info", "skolro.test"), ("warning", "py.warnings"), ("critical", "threading"),
        ("critical", "skolro"),
    ]  # fmt: skip
    assert (entries[0]["message"], entries[0]["node"]) == ("two\nlines of Ekskolan", "ekskolan-1")
    assert entries[0]["time"].endswith("Z")
    assert "worker" in entries[2]["message"]
    assert "ZeroDivisionError" in entries[2]["exception"]
    assert entries[3]["message"] == "the disk is full: make room"


def test_a_fault_of_the_program_is_one_line_too() -> None:
    status, lines = run("json", "raise ZeroDivisionError('a fault of ours')")
    assert status == 1
    assert "a fault of ours" in json.loads(lines[-1])["exception"]


def test_people_get_lines() -> None:
    _, lines = run("human", "pass")
    assert lines[0] == "INFO skolro.test: two"


def test_for_people_an_error_goes_on_to_the_command_line() -> None:
    with pytest.raises(SkolroError), last_word_logged("human"):
        raise SkolroError("a sentence")


@given(text=st.text(), extra=st.dictionaries(st.text(), st.integers() | st.text() | st.none()))
def test_any_text_and_any_extra_stay_one_line_of_json(text: str, extra: dict[str, Any]) -> None:
    record = logging.makeLogRecord({"msg": "%s", "args": (text,), "name": "x"})
    vars(record).update({f"x{key}": value for key, value in extra.items()})
    line = JsonFormatter().format(record)
    assert len(line.splitlines()) == 1
    assert json.loads(line)["message"] == text
    assert {key: json.loads(line)[f"x{key}"] for key in extra} == extra
