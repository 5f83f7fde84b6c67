"""The forward pass, layer by layer against sums written out, and whole against the original."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import correlate

from sensor.errors import ModelError
from sensor.passby import model_store
from sensor.passby.log_mel import log_mel, patches
from sensor.passby.yamnet import PAIRS, Yamnet, convolution, depthwise, pointwise, shapes
from tests.sensor.passby.model import model_dir
from tests.sensor.passby.yamnet_golden import GOLDEN, sounds

SIZES = [(6, 4), (7, 5), (3, 2), (1, 1), (12, 9)]


def small(seed: int, *shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def padding(size: int, stride: int) -> int:
    """Zeros before the first row, as TensorFlow's SAME counts them."""
    steps = (size + stride - 1) // stride
    return max(0, (steps - 1) * stride + 3 - size) // 2


def one_output(
    x: NDArray[np.float32], kernel: NDArray[np.float32], row: int, column: int, stride: int
) -> float:
    """One value of a 3 x 3 convolution of one channel, by its definition."""
    total = 0.0
    for i in range(3):
        for j in range(3):
            r = row * stride + i - padding(x.shape[0], stride)
            c = column * stride + j - padding(x.shape[1], stride)
            if 0 <= r < x.shape[0] and 0 <= c < x.shape[1]:
                total += float(x[r, c]) * float(kernel[i, j])
    return total


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("stride", [1, 2])
def test_the_depthwise_convolution(size: tuple[int, int], stride: int) -> None:
    x, kernel, bias = small(1, *size, 3), small(2, 3, 3, 3), small(3, 3)
    found = depthwise(x, kernel, bias, stride)
    assert found.shape == (-(-size[0] // stride), -(-size[1] // stride), 3)
    for (row, column, channel), value in np.ndenumerate(found):
        expected = one_output(x[..., channel], kernel[..., channel], row, column, stride)
        assert value == pytest.approx(max(0.0, expected + float(bias[channel])), abs=1e-5)


@pytest.mark.parametrize("size", SIZES)
def test_the_first_convolution(size: tuple[int, int]) -> None:
    x, kernel, bias = small(4, *size), small(5, 3, 3, 1, 4), small(6, 4)
    found = convolution(x, kernel, bias, stride=2)
    for (row, column, channel), value in np.ndenumerate(found):
        expected = one_output(x, kernel[:, :, 0, channel], row, column, 2)
        assert value == pytest.approx(max(0.0, expected + float(bias[channel])), abs=1e-5)


def test_the_pointwise_convolution() -> None:
    x, kernel, bias = small(7, 3, 4, 5), small(8, 5, 6), small(9, 6)
    expected = np.maximum(np.einsum("hwc,cd->hwd", x.astype(float), kernel) + bias, 0)
    assert pointwise(x, kernel, bias) == pytest.approx(expected, abs=1e-5)


def random_weights() -> dict[str, NDArray[np.float32]]:
    """A network whose layers neither blow up nor die."""
    rng = np.random.default_rng(11)
    weights = {}
    for name, shape in shapes().items():
        inputs = 9 if name.startswith(("first", "depthwise")) else shape[0]
        spread = 0.05 if name.endswith("bias") else (2 / inputs) ** 0.5
        weights[name] = (spread * rng.standard_normal(shape)).astype(np.float32)
    return weights


def slow_scores(
    weights: dict[str, NDArray[np.float32]], patch: NDArray[np.float32]
) -> NDArray[np.float64]:
    """The whole network by two-dimensional correlations in double precision."""

    def convolved(
        x: NDArray[np.float64], kernel: NDArray[np.float32], stride: int
    ) -> NDArray[np.float64]:
        padded = np.pad(x, 2)
        valid = correlate(padded, kernel.astype(float), mode="valid")
        first = [2 - padding(size, stride) for size in x.shape]
        rows, columns = (-(-size // stride) for size in x.shape)
        return valid[first[0] :: stride, first[1] :: stride][:rows, :columns]

    first = weights["first_kernel"]
    x = np.stack([convolved(patch.astype(float), first[:, :, 0, c], 2) for c in range(32)], axis=2)
    x = np.maximum(x + weights["first_bias"], 0)
    for index, (stride, _) in enumerate(PAIRS):
        kernel = weights[f"depthwise_{index}_kernel"]
        channels = [convolved(x[..., c], kernel[..., c], stride) for c in range(x.shape[2])]
        x = np.maximum(np.stack(channels, axis=2) + weights[f"depthwise_{index}_bias"], 0)
        x = np.tensordot(x, weights[f"pointwise_{index}_kernel"].astype(float), 1)
        x = np.maximum(x + weights[f"pointwise_{index}_bias"], 0)
    logits = x.mean(axis=(0, 1)) @ weights["classes_kernel"] + weights["classes_bias"]
    scores: NDArray[np.float64] = 1 / (1 + np.exp(-logits))
    return scores


def test_the_whole_network_against_slow_correlations() -> None:
    weights = random_weights()
    pair = small(12, 2, 96, 64)
    found = Yamnet(weights).scores(pair)
    assert found.shape == (2, 521)
    assert found[1] == pytest.approx(slow_scores(weights, pair[1]), abs=1e-4)
    assert np.ptp(found[1]) > 0.1


def test_patches_do_not_influence_each_other() -> None:
    model = Yamnet(random_weights())
    pair = small(13, 2, 96, 64)
    assert model.scores(pair)[1] == pytest.approx(model.scores(pair[1:])[0], abs=1e-6)


def test_a_model_that_lacks_an_array_is_refused() -> None:
    weights = random_weights()
    del weights["pointwise_5_bias"]
    with pytest.raises(ModelError, match="pointwise_5_bias"):
        Yamnet(weights)


def test_patches_of_another_shape_are_refused() -> None:
    with pytest.raises(ModelError, match="96 x 64"):
        Yamnet(random_weights()).scores(small(14, 1, 64, 96))


@pytest.mark.parametrize("name", sounds())
def test_scores_are_those_of_the_original(name: str) -> None:
    model = model_store.load(model_dir())
    assert model is not None
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))[name]
    scores = model.scores(patches(sounds()[name], most=100)).mean(axis=0)
    assert scores == pytest.approx(np.array(golden["mean_scores"]), abs=1e-4)


@pytest.mark.parametrize("name", ["noise", "engine"])
def test_the_spectrogram_is_that_of_the_original(name: str) -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))[name]
    # The original fills up to whole patches: six of them, 48 frames apart.
    samples = (5 * 48 + 95) * 160 + 400
    sound = np.pad(sounds()[name], (0, samples - sounds()[name].size))
    assert log_mel(sound).mean(axis=0) == pytest.approx(np.array(golden["log_mel_means"]), abs=1e-3)
