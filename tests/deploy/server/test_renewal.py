"""Certificates that end: who says so, and how new ones are taken up while all goes on."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
import typer
from typer.testing import CliRunner

from collector.certificates import Certificate, certificates_of
from collector.config import load_config
from deploy.authority import COLLECTOR, Authority, Validity
from deploy.commands.server_check import server_check
from deploy.commands.server_renew import server_renew
from deploy.handover import hand_over
from deploy.mosquitto_config import TLS_PORT
from tests.deploy.server.made import run, server
from tests.deploy.server.running import RunningServer
from tests.peers import MOSQUITTO, free_port, wait_for

YEAR = timedelta(days=365)


def aged(days_left: float) -> Validity:
    """As issued two years before its end."""
    return Validity(2 * YEAR.days, datetime.now(UTC) + timedelta(days=days_left) - 2 * YEAR)


def age_broker(folder: Path, days_left: float) -> None:
    """Let the broker's certificate end so soon."""
    made = Authority(folder / "authority").issue_server(["localhost", "127.0.0.1"], aged(days_left))
    shutil.copy(made.certificate_file, folder / "broker/server.pem")
    shutil.copy(made.key_file, folder / "broker/server.key")


def checked(folder: Path) -> tuple[int, dict[str, tuple[int, str]]]:
    """Status of the command, and of each certificate the days that are left and what to do."""
    app = typer.Typer()
    app.command()(server_check)
    result = CliRunner().invoke(app, [str(folder), "--json"])
    rows = msgspec.json.decode(result.stdout)["certificates"]
    return result.exit_code, {row["whose"]: (row["days"], row["todo"]) for row in rows}


def at_rest(folder: Path) -> None:
    """Make a server whose broker nobody has started; at its usual port somebody may listen here."""
    server(folder)
    config = folder / "collector.toml"
    text = config.read_text()
    assert text.count(f"port = {TLS_PORT}\n") == 2
    config.write_text(text.replace(f"port = {TLS_PORT}\n", f"port = {free_port()}\n"))


def test_what_ends_soon_is_told_with_what_to_do(tmp_path: Path) -> None:
    at_rest(tmp_path)
    authority = Authority(tmp_path / "authority")
    hand_over(authority.issue_node("askolan-1"), tmp_path / "nodes/askolan-1")
    status, found = checked(tmp_path)
    assert (status, {todo for _, todo in found.values()}) == (0, {""})
    assert {name: days // 365 for name, (days, _) in found.items()} == {
        "authority": 19, "broker": 1, "collector": 2, "askolan-1": 19
    }  # fmt: skip
    age_broker(tmp_path, 59.5)
    hand_over(authority.issue_node("askolan-1", aged(10.5)), tmp_path / "nodes/askolan-1")
    status, found = checked(tmp_path)
    assert status == 1
    assert found["broker"] == (59, "skolro server renew")
    assert found["askolan-1"] == (10, "give the node a new one")
    assert found["collector"][1] == ""


def test_a_timer_renews_only_what_is_due(tmp_path: Path) -> None:
    at_rest(tmp_path)
    age_broker(tmp_path, 91)
    before = (tmp_path / "broker/server.pem").read_bytes()
    assert "Nothing is due" in run(server_renew, "--due", tmp_path)
    assert (tmp_path / "broker/server.pem").read_bytes() == before
    age_broker(tmp_path, 89)
    assert "have certificates until" in run(server_renew, "--due", tmp_path)
    assert checked(tmp_path)[1]["broker"][0] == 729
    assert "Nothing is due" in run(server_renew, "--due", tmp_path)


def test_who_sees_a_new_configuration_finds_the_rest_complete(tmp_path: Path) -> None:
    server(tmp_path)
    run(server_renew, tmp_path)
    written_at = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "broker").iterdir()}
    assert max(written_at, key=lambda name: written_at[name]) == "mosquitto.conf"


@pytest.fixture
def place() -> Iterator[Path]:
    """Where the broker, which may be another user, reads its files."""
    if MOSQUITTO is None and os.environ.get("CI") != "true":
        pytest.skip("mosquitto is not installed")
    with tempfile.TemporaryDirectory(prefix="skolro-renewal-") as name:
        yield Path(name)


def test_new_ones_are_taken_up_while_all_goes_on(place: Path) -> None:
    made = RunningServer(place, proxy=False)
    age_broker(place, 50)
    with made:
        assert checked(place)[1]["broker"] == (49, "skolro server renew")
        run(server_renew, "--due", place)
        # Written is not taken up yet.
        assert shown(place).ends - datetime.now(UTC) < timedelta(days=51)
        made.reload_broker()
        wait_for(lambda: shown(place).ends - datetime.now(UTC) > YEAR, 20, "still the old one")
        assert checked(place)[0] == 0
        said = (place / "collector.log").read_text()
        assert "is gone" not in said
        # The collector comes back with its own new one: the broker knows that the old was revoked.
        Authority(place / "authority").revoke(COLLECTOR)
        run(server_renew, place)
        made.start_broker()
        log = place / "collector.log"
        wait_for(lambda: "connected to the MQTT broker again" in log.read_text(), 60)


def shown(folder: Path) -> Certificate:
    """The broker's certificate as it shows it."""
    return certificates_of(load_config(folder / "collector.toml"))["broker"]
