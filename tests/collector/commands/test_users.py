"""``skolro collector user``, as somebody at the server types it."""

from __future__ import annotations

import getpass
import io
import json
import os
import pty
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from sqlalchemy import Engine

from collector.commands.access_log import access_log
from collector.commands.user_add import user_add
from collector.commands.user_disable import user_disable
from collector.commands.user_enable import user_enable
from collector.commands.user_list import user_list
from collector.commands.user_password import user_password
from collector.commands.user_remove import user_remove
from collector.commands.user_role import user_role
from collector.errors import RegistryError
from collector.ledger.ledger import Ledger
from collector.registry.accounts import Accounts, Role
from sensor.contract.errors import ConfigError
from tests.collector.commands.test_commands import run
from tests.peers import wait_for

GOOD = "tre fyra ord som inte hör ihop"


@pytest.fixture
def config(tmp_path: Path, database_url: str, ledger: Ledger) -> Path:
    """A configuration that names the ledger of the fixture."""
    path = tmp_path / "collector.toml"
    path.write_text(f'ledger = "{database_url}"\n')
    return path


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file that holds a password."""
    path = tmp_path / "secret"
    path.write_text(f"{GOOD}\n", encoding="utf-8")
    return path


def test_from_the_first_administrator_to_the_last_day(
    config: Path, secret: Path, engine: Engine
) -> None:
    there = ("--config", config)
    assert "Nobody can log in" in run(user_list, *there)
    file = ("--password-file", secret)
    assert run(user_add, "Anna", "--role", "administrator", *file, *there) == (
        "anna can log in, as administrator.\n"
    )
    run(user_add, "rektor", "--role", "school", "--site", "ekskolan", *file, *there)
    assert Accounts(engine).check("anna", GOOD) is not None
    assert run(user_role, "rektor", "--role", "technician", *there) == "rektor is technician now.\n"
    secret.write_text("helt andra ord i en annan följd", encoding="utf-8")
    run(user_password, "rektor", *file, *there)
    assert Accounts(engine).check("rektor", "helt andra ord i en annan följd") is not None
    run(user_disable, "rektor", *there)
    listed = json.loads(run(user_list, "--json", *there))
    assert [(one["name"], one["role"], bool(one["disabled_at"])) for one in listed] == [
        ("anna", "administrator", False), ("rektor", "technician", True),
    ]  # fmt: skip
    assert "hash" not in str(listed)
    run(user_enable, "rektor", *there)
    assert "rektor is removed" in run(user_remove, "rektor", *there)
    assert [one.name for one in Accounts(engine).all()] == ["anna"]
    assert "rektor" not in run(user_list, *there)


def test_what_is_done_here_stands_in_the_access_log(
    config: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "karin")
    there, file = ("--config", config), ("--password-file", secret)
    run(user_add, "rektor", "--role", "school", "--site", "ekskolan", *file, *there)
    monkeypatch.delenv("SUDO_USER")
    run(user_role, "rektor", "--role", "technician", *there)
    secret.write_text("helt andra ord i en annan följd", encoding="utf-8")
    run(user_password, "rektor", *file, *there)
    run(user_disable, "rektor", *there)
    run(user_enable, "rektor", *there)
    run(user_remove, "rektor", *there)
    noted = json.loads(run(access_log, "--changes", "--json", *there))[::-1]
    assert [one["subject"] for one in noted] == [
        "add rektor school ekskolan", "role rektor technician", "password rektor",
        "disable rektor", "enable rektor", "remove rektor",
    ]  # fmt: skip
    assert noted[0]["address"] == "server: karin"
    assert noted[1]["address"] == f"server: {getpass.getuser()}"
    assert all(one["account"] is None for one in noted)


def test_what_is_refused_is_not_noted_as_done(config: Path, secret: Path) -> None:
    there, file = ("--config", config), ("--password-file", secret)
    run(user_add, "anna", "--role", "administrator", *file, *there)
    with pytest.raises(RegistryError, match="only administrator"):
        run(user_disable, "anna", *there)
    (noted,) = json.loads(run(access_log, "--changes", "--json", *there))
    assert noted["subject"] == "add anna administrator"


def test_what_cannot_be_is_said_before_a_password_is_asked_for(config: Path) -> None:
    with pytest.raises(RegistryError, match="no site 'nowhere'"):
        run(user_add, "bo", "--role", "school", "--site", "nowhere", "--config", config)
    with pytest.raises(RegistryError, match="no account 'bo'"):
        run(user_password, "bo", "--config", config)


def test_without_a_terminal_it_says_where_the_password_may_come_from(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(ConfigError, match="--password-file"):
        run(user_add, "bo", "--role", "police", "--config", config)


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "cannot read"), (b"two\nlines of text", "several lines"), (b"\xff\xfe", "not UTF-8"),
     (b"", "needs 12 characters")],
)  # fmt: skip
def test_a_file_without_a_password_is_said(
    config: Path, tmp_path: Path, content: bytes | None, told: str
) -> None:
    file = tmp_path / "file"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises((ConfigError, RegistryError), match=told):
        run(user_add, "bo", "--role", "police", "--password-file", file, "--config", config)


@pytest.mark.parametrize(
    ("again", "status", "told"),
    [(GOOD, 0, "bo can log in, as police."), ("something else", 2, "the two passwords differ")],
)
def test_it_is_asked_for_twice_and_never_shown(
    config: Path, engine: Engine, again: str, status: int, told: str
) -> None:
    terminal, inside = pty.openpty()
    command = ["collector", "user", "add", "bo", "--role", "police", "--config", str(config)]
    process = subprocess.Popen(
        [sys.executable, "-m", "skolro", *command],
        stdin=inside, stdout=inside, stderr=inside, start_new_session=True,
    )  # fmt: skip
    os.close(inside)
    shown = _until(terminal, b"Password:")
    wait_for(lambda: _is_hidden(terminal), what="what is written would be shown")
    os.write(terminal, f"{GOOD}\n".encode())
    shown += _until(terminal, b"more:")
    wait_for(lambda: _is_hidden(terminal), what="what is written would be shown")
    os.write(terminal, f"{again}\n".encode())
    shown += _rest(terminal)
    os.close(terminal)
    assert process.wait(60) == status, shown
    assert told.encode() in shown
    assert GOOD.encode() not in shown
    assert {one.name for one in Accounts(engine).all()} == ({"bo"} if status == 0 else set())


def _until(terminal: int, sign: bytes) -> bytes:
    shown = b""
    while sign not in shown:
        shown += os.read(terminal, 1000)
    return shown


def _is_hidden(terminal: int) -> bool:
    """Whether the terminal shows nothing of what is written; it forgets what came before that."""
    return not termios.tcgetattr(terminal)[3] & termios.ECHO


def _rest(terminal: int) -> bytes:
    shown = b""
    try:
        while part := os.read(terminal, 1000):
            shown += part
    except OSError:
        # So a terminal ends.
        pass
    return shown


def test_a_role_that_is_none_is_said(config: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "skolro", "collector", "user", "add", "bo", "--role", "king",
         "--config", str(config)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 2
    assert "police" in ended.stderr
    assert Role("police") in Role
