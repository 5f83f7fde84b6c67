"""What makes a node's root read-only fits systemd, the node's units and itself.

That it works is shown by ``python -m tests.install.readonly``, where a computer starts with it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

IMAGE = Path(__file__).parents[2] / "deploy/image"
SYSTEM = IMAGE / "read-only/etc/systemd/system"
ADMIN = IMAGE / "read-only/usr/local/sbin/skolro-root"
SCRIPTS = (ADMIN, *sorted(IMAGE.glob("*.sh")))
UNITS = sorted(one for one in SYSTEM.iterdir() if one.is_file())
NODE_UNITS = Path(__file__).parents[2] / "deploy/systemd"


def listed(name: str) -> set[str]:
    """A list of folders in the script that prepares the root."""
    text = (IMAGE / "read-only-root.sh").read_text(encoding="utf-8")
    found = re.search(rf'^{name}="([^"]*)"', text, re.MULTILINE)
    assert found is not None
    return set(found[1].split())


def settings(unit: Path, name: str) -> list[str]:
    """The words of a setting of a unit, however often it stands there."""
    found = re.findall(rf"^{name}=(.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE)
    return " ".join(found).split()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_shellcheck_finds_nothing(script: Path) -> None:
    if shutil.which("shellcheck") is None and os.environ.get("CI") != "true":
        pytest.skip("shellcheck is not installed: scripts are NOT checked")
    ended = subprocess.run(["shellcheck", script], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


def test_systemd_can_use_its_units(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None and os.environ.get("CI") != "true":
        pytest.skip("systemd-analyze is not installed")
    assert len(UNITS) == 4
    for unit in UNITS:
        text = unit.read_text(encoding="utf-8")
        # It looks whether the program is there.
        text = text.replace("/usr/local/sbin/skolro-root", sys.executable)
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    ended = subprocess.run(
        [str(analyze), "verify", "--man=no", "--recursive-errors=no",
         *(str(tmp_path / unit.name) for unit in UNITS)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")


def test_its_units_call_what_the_command_knows() -> None:
    text = ADMIN.read_text(encoding="utf-8")
    cases = re.findall(r"^  ([a-z |-]+)\)", text, re.MULTILINE)
    verbs = set(re.findall(r"[a-z-]+", " ".join(cases)))
    calls = [settings(unit, "ExecStart") for unit in UNITS if unit.suffix == ".service"]
    called = {words[1] for words in calls if words[0] == "/usr/local/sbin/skolro-root"}
    assert called == {"started", "upgrade"}
    assert called <= verbs


@pytest.mark.parametrize("name", ["skolro-sensor", "skolro-updater"])
def test_all_that_a_unit_of_the_node_keeps_is_kept(name: str) -> None:
    unit = NODE_UNITS / f"{name}.service"
    kept = listed("kept")
    writes = {f"/var/lib/{one}" for one in settings(unit, "StateDirectory")}
    writes |= {one.lstrip("-") for one in settings(unit, "ReadWritePaths")}
    for folder in writes - {"/run/skolro", "/sys/devices/platform"}:
        assert any(Path(folder).is_relative_to(one) for one in kept), folder
    # It does not start where these are missing.
    needed = set(settings(SYSTEM / f"{name}.service.d/data.conf", "RequiresMountsFor"))
    assert {"/opt/skolro", "/etc/skolro", "/var/lib/skolro"} <= needed <= kept


def test_only_what_is_kept_elsewhere_is_removed() -> None:
    moved = listed("moved")
    assert moved < listed("kept")
    assert "/home" not in moved  # without /data somebody must still get in


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        ([], 2, "usage: skolro-root status|writable|read-only|upgrade"),
        (["of"], 2, "usage: skolro-root status|writable|read-only|upgrade"),
        (["writable"], 1, "skolro-root: "),
        (["upgrade"], 1, "skolro-root: "),
    ],
)
def test_where_no_root_was_prepared_it_says_so_and_does_nothing(
    arguments: list[str], status: int, text: str
) -> None:
    assert not Path("/data").is_mount(), "this machine has such a root: that is not for a test"
    ended = subprocess.run(
        ["sh", str(ADMIN), *arguments], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (status, "")
    assert ended.stderr.startswith(text)
    assert len(ended.stderr.splitlines()) == 1


def test_its_state_is_told_to_anybody() -> None:
    told = subprocess.run(["sh", str(ADMIN), "status"], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == "System packages: not looked at yet"
