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
from deploy.mosquitto_config import CONFIG_FILE as BROKER_CONFIG
from deploy.mosquitto_config import service_limits
from deploy.server.collector_config import TLS_FOLDER
from deploy.server.layout import LAYOUTS, Kind
from deploy.server.proxy import CONFIG_FILE
from sensor.updating.exchange import RESTART_FILE, WISH_FILE
from sensor.updating.places import Places
from skolro import COMMANDS, Entry, LazyCommand

UNITS = sorted((Path(__file__).parents[2] / "deploy/systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
PROGRAM = "/opt/skolro/bin/skolro"
OTHERS = {
    "skolro-broker": ("mosquitto", "/usr/sbin/mosquitto"),
    "skolro-proxy": ("caddy", "/usr/bin/caddy"),
}
"""Units of programs that Debian brings: who runs them, and where they are."""
# Of the release that has last shown to work, whichever one is tried.
UPDATER = "/opt/skolro/node/good/bin/skolro"
USERS = {"skolro-updater": "skolro-updater"} | {name: user for name, (user, _) in OTHERS.items()}
MANAGED = {
    "skolro-restart": "/usr/bin/systemctl --no-block restart skolro-sensor.service",
    "skolro-reload": "/usr/bin/systemctl --no-block reload skolro-broker.service",
}
"""Units that have one word with the service manager, as root."""
RENEWAL = "skolro-renew"
"""Runs as root, whose the authority is."""
OURS = [unit for unit in SERVICES if unit.stem not in {*OTHERS, *MANAGED}]
"""Those that run Skolro."""


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
        text = unit.read_text(encoding="utf-8")
        for program in (PROGRAM, UPDATER, *(there for _, there in OTHERS.values())):
            text = text.replace(program, sys.executable)
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


@pytest.mark.parametrize("unit", OURS, ids=lambda unit: unit.stem)
def test_their_commands_exist(unit: Path) -> None:
    program, *words = read(unit)["Service"]["ExecStart"].split()
    assert program == (UPDATER if unit.stem == "skolro-updater" else PROGRAM)
    item = COMMANDS[words.pop(0)]
    while not isinstance(item, Entry):
        item = item.entries[words.pop(0)]
    known = {option for p in LazyCommand("x", item).load().params for option in p.opts}
    assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize(
    "unit",
    [unit for unit in SERVICES if unit.stem not in {*MANAGED, RENEWAL}],
    ids=lambda unit: unit.stem,
)
def test_none_runs_as_root_or_writes_elsewhere(unit: Path) -> None:
    settings = read(unit)["Service"]
    assert settings["User"] == USERS.get(unit.stem, "skolro")
    assert settings["ProtectSystem"] == "strict"
    assert settings["NoNewPrivileges"] == "yes"
    written = re.findall(
        r"/var/lib/([\w-]+)", settings["ExecStart"] + settings.get("Environment", "")
    )
    assert set(written) <= set(settings["StateDirectory"].split())


@pytest.mark.parametrize("name", MANAGED)
def test_root_does_one_thing_for_others_and_takes_no_word_for_it(name: str) -> None:
    settings = read(next(unit for unit in SERVICES if unit.stem == name))["Service"]
    assert settings["ExecStart"] == MANAGED[name]
    assert settings["CapabilityBoundingSet"] == ""


def test_who_has_the_authority_reaches_three_folders_and_no_network() -> None:
    by_name = {unit.name: read(unit) for unit in UNITS}
    settings = by_name[f"{RENEWAL}.service"]["Service"]
    assert "User" not in settings
    made = Path("/etc/skolro")
    folders = (made / "authority", made / "broker", made / TLS_FOLDER)
    assert settings["ReadWritePaths"].split() == [str(folder) for folder in folders]
    assert settings["ProtectSystem"] == "strict"
    assert settings["PrivateNetwork"] == settings["NoNewPrivileges"] == "yes"
    # What it writes is for others to read, but for keys.
    assert settings["UMask"] == "0022"
    assert settings["ExecStart"].split()[1:] == ["server", "renew", "--due", str(made)]


def test_what_a_renewal_writes_last_is_what_reloads_the_broker() -> None:
    by_name = {unit.name: read(unit) for unit in UNITS}
    watched = by_name["skolro-reload.path"]["Path"]["PathChanged"]
    assert watched == f"/etc/skolro/broker/{BROKER_CONFIG}"
    assert (
        by_name["skolro-broker.service"]["Service"]["ExecReload"]
        == '/bin/sh -c "kill -HUP $MAINPID"'
    )


@pytest.mark.parametrize(
    "unit", [u for u in UNITS if u.suffix in {".timer", ".path"}], ids=lambda u: u.name
)
def test_a_timer_or_path_has_its_service(unit: Path) -> None:
    assert unit.with_suffix(".service") in SERVICES


def test_the_watchdog_waits_longer_than_a_ledger_that_cannot_store_is_left_alone() -> None:
    collector = read(next(unit for unit in SERVICES if unit.stem == "skolro-collector"))
    assert _LONGEST_PAUSE_S < PATIENCE_S < int(collector["Service"]["WatchdogSec"])


def test_broker_and_proxy_are_where_debian_puts_them_and_read_what_server_init_makes() -> None:
    files = {
        "skolro-broker": "/etc/skolro/broker/mosquitto.conf",
        "skolro-proxy": f"/etc/skolro/proxy/{CONFIG_FILE}",
    }
    for unit in (one for one in SERVICES if one.stem in OTHERS):
        _, there = OTHERS[unit.stem]
        found = shutil.which(Path(there).name, path="/usr/sbin:/usr/bin")
        if found is None and os.environ.get("CI") != "true":
            pytest.skip(f"{Path(there).name} is not installed")
        assert found == there
        program, *words = read(unit)["Service"]["ExecStart"].split()
        assert program == there
        assert words[-1] == files[unit.stem]


def test_the_broker_has_the_limits_and_the_folder_that_its_configuration_has() -> None:
    settings = read(next(unit for unit in SERVICES if unit.stem == "skolro-broker"))["Service"]
    assert f"LimitNOFILE={settings['LimitNOFILE']}\n" in service_limits()
    data = LAYOUTS[Kind.DEBIAN].broker_data
    assert data == Path("/var/lib") / settings["StateDirectory"]
    assert settings["User"] == LAYOUTS[Kind.DEBIAN].broker_owner


def test_the_proxy_may_open_its_port_and_nothing_else() -> None:
    settings = read(next(unit for unit in SERVICES if unit.stem == "skolro-proxy"))["Service"]
    assert settings["CapabilityBoundingSet"] == settings["AmbientCapabilities"]
    assert settings["AmbientCapabilities"] == "CAP_NET_BIND_SERVICE"


def test_what_updater_and_node_share_is_where_both_look() -> None:
    by_name = {unit.name: read(unit) for unit in UNITS}
    places = Places()
    sensor = by_name["skolro-sensor.service"]["Service"]
    assert f"--exchange {places.exchange}" in sensor["ExecStart"]
    assert f"/run/{sensor['RuntimeDirectory']}" == str(places.exchange)
    updater = by_name["skolro-updater.service"]["Service"]
    assert updater["ReadWritePaths"] == f"{places.program} -{places.exchange}"
    assert f"/var/lib/{updater['StateDirectory']}" == str(places.state)
    watched = {name: by_name[f"skolro-{name}.path"]["Path"] for name in ("updater", "restart")}
    assert watched["updater"]["PathChanged"] == str(places.exchange / WISH_FILE)
    assert watched["restart"]["PathChanged"] == str(places.exchange / RESTART_FILE)
