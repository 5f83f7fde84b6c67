"""What a node's system is told: each file read by the program that it is for."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.sensor.inputs.sound_card import ROOT, alsa, run

ETC = ROOT / "deploy/image/system/etc"
CHRONYD = shutil.which("chronyd", path=os.environ["PATH"] + ":/usr/sbin")
LISTEN = """
with open_input(MicrophoneConfig(device="skolro")) as source:
    print(source.description, next(source.blocks()).frames)
"""


def test_chrony_can_use_its_part(tmp_path: Path) -> None:
    if CHRONYD is None:
        assert os.environ.get("CI") != "true", "chrony is not installed"
        pytest.skip("needs the package chrony")
    config = tmp_path / "chrony.conf"
    # Debian's own leads here.
    config.write_text(f"confdir {ETC / 'chrony/conf.d'}\n")
    ended = subprocess.run(
        [CHRONYD, "-p", "-f", config], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    servers = [line.split() for line in lines if line.startswith("server ")]
    assert len(servers) >= 3  # with fewer nobody can tell who is wrong
    assert all(server[1].endswith(".nts.netnod.se") and "nts" in server for server in servers)
    assert {"authselectmode prefer", "nocerttimecheck 1", "rtcsync"} <= set(lines)


def test_alsa_finds_the_microphone_by_the_name_that_udev_gives(tmp_path: Path) -> None:
    text = (ETC / "alsa/conf.d/60-skolro.conf").read_text(encoding="utf-8")
    # No card of that name here: said in one sentence, and found once there is one.
    assert "no sound card" in run(
        "try:\n    open_input(MicrophoneConfig(device='skolro'))\n"
        "except InputError as error:\n    print(error)\n",
        alsa(tmp_path, text),
    )
    plugged_in = text.replace("type hw", "type null").replace("card skolro", "")
    assert plugged_in.count("type null") == 1
    assert run(LISTEN, alsa(tmp_path, plugged_in)).startswith("microphone skolro, 48000 Hz")


def test_the_log_of_a_node_stays_in_memory_and_small() -> None:
    parser = configparser.ConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keeps the case
    parser.read_string((ETC / "systemd/journald.conf.d/skolro.conf").read_text(encoding="utf-8"))
    journal = parser["Journal"]
    assert journal["Storage"] == "volatile"
    assert int(journal["RuntimeMaxUse"].removesuffix("M")) <= 64


def test_udev_and_alsa_use_the_same_names() -> None:
    rules = (ETC / "udev/rules.d/85-skolro.rules").read_text(encoding="utf-8")
    assert rules.count('ATTR{id}="skolro"') == 2
    assert 'SYMLINK+="skolro-radar"' in rules
    kit = (ROOT / "deploy/nodes/kit.py").read_text(encoding="utf-8")
    assert 'device = "skolro"' in kit
