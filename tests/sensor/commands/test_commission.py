from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from sensor.commands import commission as command
from sensor.commissioning.opening import Door
from sensor.errors import CommissioningError
from tests.peers import free_port


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "node.toml"
    path.write_text(
        'node = "ekskolan-1"\ndata_dir = "data"\n[input]\nkind = "street"\n'
        f'[commissioning]\nlisten = "127.0.0.1"\nport = {free_port()}\n'
    )
    (tmp_path / "data").mkdir()
    return path


def test_where_no_node_runs_it_says_so_and_leaves_no_door_open(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "ANSWERS_WITHIN_S", 0.9)
    monkeypatch.setattr(command, "SAYS_SO_AFTER_S", 0.1)
    with pytest.raises(CommissioningError, match="the node ekskolan-1 does not open its page"):
        command.commission(config)
    assert Door(config.parent / "data").look() is None
    assert capsys.readouterr().err == "Waiting for ekskolan-1 to open its page.\n"


def test_it_can_be_closed(config: Path) -> None:
    door = Door(config.parent / "data")
    door.open()
    app = typer.Typer()
    app.command()(command.commission)
    ended = CliRunner().invoke(app, ["--config", str(config), "--close"])
    assert ended.exit_code == 0, ended.output
    assert "is closed" in ended.output
    assert door.look() is None
