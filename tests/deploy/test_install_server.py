"""deploy/install-server.sh against the code; ``make test-install`` runs it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.server.folder import ServerFolder
from deploy.server.layout import LAYOUTS, Kind
from skolro import COMMANDS, Entry, LazyCommand
from tests.deploy.compose import DEPLOY, ROOT, WANTED

SCRIPT = DEPLOY / "install-server.sh"
TEXT = SCRIPT.read_text(encoding="utf-8")


def test_its_help_says_how_it_is_called_and_does_nothing() -> None:
    ended = subprocess.run([SCRIPT, "--help"], capture_output=True, text=True, check=True)
    assert "usage: deploy/install-server.sh --name HOST --municipality NAME" in ended.stdout
    assert "--with-influxdb" in ended.stdout
    assert ended.stderr == ""


@pytest.mark.parametrize("script", sorted(DEPLOY.rglob("*.sh")), ids=lambda path: path.name)
def test_shellcheck_finds_nothing(script: Path) -> None:
    if shutil.which("shellcheck") is None and os.environ.get("CI") != "true":
        pytest.skip("shellcheck is not installed: scripts are NOT checked")
    ended = subprocess.run(["shellcheck", script], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


def test_the_commands_that_it_runs_exist_with_their_options() -> None:
    joined = TEXT.replace("\\\n", " ")
    lines = re.findall(r'bin/skolro" ([a-z][^&|;\n]*)', joined)
    assert len(lines) == 4
    for line in lines:
        words = line.split()
        item = COMMANDS[words.pop(0)]
        while not isinstance(item, Entry):
            item = item.entries[words.pop(0)]
        params = LazyCommand("x", item).load().params
        known = {one for p in params for one in (*p.opts, *p.secondary_opts)}
        assert {word for word in words if word.startswith("--")} <= known


def test_the_units_that_it_starts_are_there() -> None:
    named = [
        unit
        for line in re.findall(r'^(?:services|timers)="(.*)"$', TEXT, re.MULTILINE)
        for unit in line.split()
    ]
    units = {path.name for path in (DEPLOY / "systemd").iterdir()}
    assert len(named) == 7
    assert {unit if "." in unit else f"{unit}.service" for unit in named} <= units


def test_its_users_and_files_are_those_of_the_code() -> None:
    assert f"--home-dir /var/lib/{LAYOUTS[Kind.DEBIAN].owner} " in TEXT
    folder = ServerFolder(Path("/etc/skolro"), WANTED)
    assert f"config={folder.config_file}\n" in TEXT
    (lock,) = re.findall(r'"\$source/(requirements/\S+)"', TEXT)
    assert (ROOT / lock).is_file()
