"""What systemd makes of a node's units: what they may do, and what happens when one hangs."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Final

from tests.install.machine import Machine
from tests.install.network import Cable
from tests.peers import wait_for

SENSOR: Final = "skolro-sensor.service"
UPDATER: Final = "skolro-updater.service"

_SYSTEMD: Final = Path(__file__).parents[2] / "deploy/systemd"
_INSTALLED: Final = "/etc/systemd/system"
# Shorter than on a real node, where nobody waits.
_WATCHED: Final = "--measured-s 5 --silent-s 45 --unheard-s 45"
_WATCHDOG_S: Final = 20
_PROBE: Final = "skolro-probe.service"

# Where a Pi's own light is; the kernel of most machines has no such folder.
_LIGHT: Final = "/sys/devices/platform/leds/leds/ACT"
_MAKE_LIGHT: Final = f"""\
set -e
mount -t tmpfs tmpfs /sys/devices/platform
mkdir -p {_LIGHT} /run/lights/leds
printf 1 > {_LIGHT}/max_brightness
printf 0 > {_LIGHT}/brightness
printf '[mmc0] none' > {_LIGHT}/trigger
ln -s ../../devices/platform/leds/leds/ACT /run/lights/leds/ACT
mount -t overlay overlay -o lowerdir=/run/lights:/sys/class /sys/class
"""
_OF_SKOLRO: Final = f"""\
chgrp skolro {_LIGHT}/brightness {_LIGHT}/trigger
chmod g+w {_LIGHT}/brightness {_LIGHT}/trigger
"""

# A sound card of ALSA's that hears nothing, at any speed.
_SILENT_CARD: Final = 'pcm.silent { type null hint { show on; description "silent" } }\n'
_LISTENS: Final = """\
import os, sys
from sensor.inputs import MicrophoneConfig, open_input

with open_input(MicrophoneConfig(device="silent")) as source:
    next(source.blocks())
    policies = [os.sched_getscheduler(int(thread)) for thread in os.listdir("/proc/self/task")]
first = sum(policy & ~os.SCHED_RESET_ON_FORK == os.SCHED_FIFO for policy in policies)
assert first == int(sys.argv[1]), policies
"""


def prepare(machine: Machine, cable: Cable) -> None:
    """Have the units that come use the cable, be in a hurry, and find a light on the board."""
    network = f"NetworkNamespacePath={cable.path}\n"
    _change(machine, SENSOR, "cable", network)
    hurried = f"ExecStart=\nExecStart={command_of(UPDATER)} {_WATCHED}\n"
    _change(machine, UPDATER, "cable", network + hurried)
    machine.run("sh", "-c", _MAKE_LIGHT)


def check_system(machine: Machine) -> None:
    """What the system was told is what it does."""
    show = ("systemctl", "show", "--value", "--property")
    assert machine.run(*show, "RuntimeWatchdogUSec").strip() == "1min"
    # As systemd 257 writes it, and as 252.
    assert re.search(r"max 32(\.0)?M,", machine.journal("systemd-journald.service"))
    for unit in ("skolro-updater.path", "skolro-updater.timer", "skolro-restart.path"):
        assert machine.unit(unit, "ActiveState") == "active", unit


def check_sandbox(machine: Machine) -> None:
    """The process that measures is alive as systemd sees it, and fenced in as the kernel does."""
    assert machine.unit(SENSOR, "ActiveState") == "active"
    wait_for(lambda: machine.unit(SENSOR, "StatusText") == "measuring", 120, "its watchdog hungers")
    assert machine.unit(SENSOR, "WatchdogUSec") == "2min"
    pid = machine.unit(SENSOR, "MainPID")
    assert machine.run("stat", "--format=%U", f"/proc/{pid}").strip() == "skolro"
    status = dict(
        line.split(":\t", 1) for line in machine.run("cat", f"/proc/{pid}/status").splitlines()
    )
    assert int(status["CapBnd"], 16) == int(status["CapEff"], 16) == 0, status
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2"), status
    inside = ("nsenter", "--target", pid, "--mount", "--")
    for folder in ("/usr", "/etc/skolro", "/opt/skolro/node/releases"):
        refused = machine.fails(*inside, "touch", f"{folder}/written")
        assert "Read-only file system" in refused, refused
    for folder in ("/var/lib/skolro", "/run/skolro"):
        machine.run(*inside, "touch", f"{folder}/written")
        machine.run(*inside, "rm", f"{folder}/written")


def check_real_time(machine: Machine) -> bool:
    """In the same unit, the thread of a sound card goes first, and no other one.

    Where this machine lets nobody have real time, none does; whether it does.
    """
    asked = machine.command("prlimit", "--rtprio=20", "true")
    granted = subprocess.run(asked, capture_output=True, check=False).returncode == 0
    machine.root.inside("/etc/alsa/conf.d/70-silent.conf").write_text(_SILENT_CARD)
    machine.root.inside("/srv/listens.py").write_text(_LISTENS)
    shutil.copy(_SYSTEMD / SENSOR, machine.root.inside(f"{_INSTALLED}/{_PROBE}"))
    command = f"/opt/skolro/node/current/bin/python /srv/listens.py {int(granted)}"
    once = f"Type=oneshot\nRestart=no\nWatchdogSec=0\nExecStart=\nExecStart={command}\n"
    _change(machine, _PROBE, "probe", once)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", _PROBE)
    return granted


def check_light(machine: Machine) -> None:
    """The light goes on through the fence, once udev has given it to the group."""
    machine.run("sh", "-c", _OF_SKOLRO)
    machine.run("systemctl", "restart", SENSOR)
    wait_for(lambda: _light(machine, "trigger") == "none", 60, "the light was not taken")
    wait_for(lambda: _light(machine, "brightness") == "1", 60, "the light stays dark")
    wait_for(lambda: _light(machine, "brightness") == "0", 60, "the light stays on")


def hang(machine: Machine) -> None:
    """Stop the process that measures: its watchdog notices, and another one is started."""
    _change(machine, SENSOR, "watchdog", f"WatchdogSec={_WATCHDOG_S}\n")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", SENSOR)
    pid = machine.unit(SENSOR, "MainPID")
    # It is fed while it measures.
    time.sleep(2 * _WATCHDOG_S)
    assert machine.unit(SENSOR, "MainPID") == pid, machine.journal(SENSOR)
    machine.run("systemctl", "kill", "--signal=SIGSTOP", SENSOR)
    wait_for(lambda: machine.unit(SENSOR, "NRestarts") == "1", 120, "it hangs on")
    assert "Watchdog timeout" in machine.journal(SENSOR)
    wait_for(lambda: machine.unit(SENSOR, "ActiveState") == "active", 120, "it does not start")


def _light(machine: Machine, name: str) -> str:
    return machine.run("cat", f"{_LIGHT}/{name}").strip()


def command_of(unit: str) -> str:
    """What a unit starts."""
    text = (_SYSTEMD / unit).read_text(encoding="utf-8")
    (line,) = (one for one in text.splitlines() if one.startswith("ExecStart="))
    return line.removeprefix("ExecStart=")


def _change(machine: Machine, unit: str, name: str, service: str) -> None:
    """Change a unit beside it, as an administrator would."""
    folder = machine.root.inside(f"{_INSTALLED}/{unit}.d")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.conf").write_text(f"[Service]\n{service}", encoding="utf-8")
