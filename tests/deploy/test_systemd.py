"""The units in deploy/systemd fit systemd, the commands and each other."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from collector.intake.intake import _LONGEST_PAUSE_S
from collector.operations.operations import PATIENCE_S
from skolro import COMMANDS, Entry, LazyCommand

UNITS = sorted((Path(__file__).parents[2] / "deploy/systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
PROGRAM = "/opt/skolro/bin/skolro"


def read(unit: Path) -> configparser.ConfigParser:
    """The settings of a unit."""
    # A setting may stand more than once in a unit.
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keeps the case
    parser.read_string(unit.read_text(encoding="utf-8"))
    return parser


def test_systemd_can_use_them(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None and os.environ.get("CI") != "true":
        pytest.skip("systemd-analyze is not installed")
    for unit in UNITS:
        # It looks whether the program is there.
        text = unit.read_text(encoding="utf-8").replace(PROGRAM, sys.executable)
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    ended = subprocess.run(
        [str(analyze), "verify", "--man=no", "--recursive-errors=no",
         *(str(tmp_path / unit.name) for unit in UNITS)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_little_is_exposed(unit: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None and os.environ.get("CI") != "true":
        pytest.skip("systemd-analyze is not installed")
    ended = subprocess.run(
        [str(analyze), "security", "--offline=yes", "--threshold=25", str(unit)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout[-300:] + ended.stderr


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_their_commands_exist(unit: Path) -> None:
    program, *words = read(unit)["Service"]["ExecStart"].split()
    assert program == PROGRAM
    item = COMMANDS[words.pop(0)]
    while not isinstance(item, Entry):
        item = item.entries[words.pop(0)]
    known = {option for p in LazyCommand("x", item).load().params for option in p.opts}
    assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_none_runs_as_root_or_writes_elsewhere(unit: Path) -> None:
    settings = read(unit)["Service"]
    assert settings["User"] == "skolro"
    assert settings["ProtectSystem"] == "strict"
    assert settings["NoNewPrivileges"] == "yes"
    written = re.findall(r"/var/lib/([\w-]+)", settings["ExecStart"])
    assert set(written) <= set(settings["StateDirectory"].split())


@pytest.mark.parametrize("unit", [u for u in UNITS if u.suffix == ".timer"], ids=lambda u: u.stem)
def test_a_timer_has_its_service(unit: Path) -> None:
    assert unit.with_suffix(".service") in SERVICES


def test_the_watchdog_waits_longer_than_a_ledger_that_cannot_store_is_left_alone() -> None:
    collector = read(next(unit for unit in SERVICES if unit.stem == "skolro-collector"))
    assert _LONGEST_PAUSE_S < PATIENCE_S < int(collector["Service"]["WatchdogSec"])
