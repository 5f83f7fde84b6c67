"""YAMNet's forward pass in numpy.

The network is MobileNet v1 (Howard et al. 2017, arXiv:1704.04861) on log-mel patches: a full
convolution, 13 pairs of depthwise and pointwise convolutions, the mean over the patch, and one
logistic regression a class. Every convolution is followed by batch normalisation, which is
folded into its weights when the model is fetched, and by a rectifier.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.special import expit

from sensor.errors import ModelError
from sensor.passby.log_mel import BANDS, PATCH_FRAMES

Array = NDArray[np.float32]

CLASSES = 521
FIRST_CHANNELS = 32
# Stride and channels of each pair of depthwise and pointwise convolution.
PAIRS = (
    (1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512), (1, 512),
    (1, 512), (1, 512), (1, 512), (1, 512), (2, 1024), (1, 1024),
)  # fmt: skip


def shapes() -> dict[str, tuple[int, ...]]:
    """Name and shape of every array of the folded model, in the order of the layers."""
    found: dict[str, tuple[int, ...]] = {
        "first_kernel": (3, 3, 1, FIRST_CHANNELS),
        "first_bias": (FIRST_CHANNELS,),
    }
    channels = FIRST_CHANNELS
    for index, (_, wider) in enumerate(PAIRS):
        found[f"depthwise_{index}_kernel"] = (3, 3, channels)
        found[f"depthwise_{index}_bias"] = (channels,)
        found[f"pointwise_{index}_kernel"] = (channels, wider)
        found[f"pointwise_{index}_bias"] = (wider,)
        channels = wider
    return found | {"classes_kernel": (channels, CLASSES), "classes_bias": (CLASSES,)}


@dataclass(frozen=True, slots=True)
class Yamnet:
    """The network with its weights.

    Parameters
    ----------
    weights : mapping of str to ndarray
        Arrays named and shaped as :func:`shapes` tells, float32.

    Raises
    ------
    ModelError
        An array is missing, or has another shape or type.
    """

    weights: Mapping[str, Array]

    def __post_init__(self) -> None:
        for name, shape in shapes().items():
            array = self.weights.get(name)
            if array is None or array.shape != shape or array.dtype != np.float32:
                raise ModelError(
                    f"the model of sound sources lacks {name} with shape {shape} in float32: "
                    "fetch it again with skolro sensor model fetch"
                )

    def scores(self, patches: NDArray[np.float32]) -> Array:
        """Score of each class in each patch.

        Parameters
        ----------
        patches : ndarray, shape (patches, 96, 64), float32
            Log-mel spectrograms.

        Returns
        -------
        ndarray, shape (patches, 521), float32
            Between 0 and 1; the classes do not exclude each other.
        """
        if patches.shape[1:] != (PATCH_FRAMES, BANDS):
            raise ModelError(f"patches must be {PATCH_FRAMES} x {BANDS}, not {patches.shape[1:]}")
        # One patch at a time: its layers fit a small processor's cache, a batch's do not.
        features = np.stack([self._embedding(patch) for patch in patches])
        logits = features @ self.weights["classes_kernel"] + self.weights["classes_bias"]
        scores: Array = expit(logits)
        return scores

    def _embedding(self, patch: Array) -> Array:
        weights = self.weights
        x = convolution(patch, weights["first_kernel"], weights["first_bias"], stride=2)
        for index, (stride, _) in enumerate(PAIRS):
            kernel, bias = (weights[f"depthwise_{index}_{part}"] for part in ("kernel", "bias"))
            x = depthwise(x, kernel, bias, stride)
            kernel, bias = (weights[f"pointwise_{index}_{part}"] for part in ("kernel", "bias"))
            x = pointwise(x, kernel, bias)
        mean: Array = x.mean(axis=(0, 1))
        return mean


def convolution(image: Array, kernel: Array, bias: Array, stride: int) -> Array:
    """Rectified 3 x 3 convolution of one channel into several.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
    kernel : ndarray, shape (3, 3, 1, channels)
    bias : ndarray, shape (channels,)
    stride : int

    Returns
    -------
    ndarray, shape (ceil(rows / stride), ceil(columns / stride), channels)
    """
    padded = _padded(image[:, :, np.newaxis], stride)[:, :, 0]
    windows = sliding_window_view(padded, (3, 3))[::stride, ::stride]
    rows, columns = windows.shape[:2]
    product = windows.reshape(rows * columns, 9) @ kernel.reshape(9, -1)
    return _rectified(product.reshape(rows, columns, -1), bias)


def depthwise(x: Array, kernel: Array, bias: Array, stride: int) -> Array:
    """Rectified 3 x 3 convolution of each channel with its own kernel.

    Parameters
    ----------
    x : ndarray, shape (rows, columns, channels)
    kernel : ndarray, shape (3, 3, channels)
    bias : ndarray, shape (channels,)
    stride : int

    Returns
    -------
    ndarray, shape (ceil(rows / stride), ceil(columns / stride), channels)
    """
    rows, columns = -(-x.shape[0] // stride), -(-x.shape[1] // stride)
    padded = _padded(x, stride)
    total = np.zeros((rows, columns, x.shape[2]), dtype=np.float32)
    product = np.empty_like(total)
    for i in range(3):
        for j in range(3):
            shifted = padded[i : i + stride * rows : stride, j : j + stride * columns : stride]
            np.multiply(shifted, kernel[i, j], out=product)
            total += product
    return _rectified(total, bias)


def pointwise(x: Array, kernel: Array, bias: Array) -> Array:
    """Rectified 1 x 1 convolution.

    Parameters
    ----------
    x : ndarray, shape (rows, columns, channels)
    kernel : ndarray, shape (channels, wider)
    bias : ndarray, shape (wider,)

    Returns
    -------
    ndarray, shape (rows, columns, wider)
    """
    rows, columns, channels = x.shape
    # One product of two matrices: with three axes numpy would multiply row by row.
    product = x.reshape(rows * columns, channels) @ kernel
    return _rectified(product.reshape(rows, columns, -1), bias)


def _rectified(x: Array, bias: Array) -> Array:
    x += bias
    np.maximum(x, 0.0, out=x)
    return x


def _padded(x: Array, stride: int) -> Array:
    """Zeros around `x` as TensorFlow's ``SAME`` has them: with an odd number, more at the end."""
    pads = []
    for size in x.shape[:2]:
        whole = max(0, (-(-size // stride) - 1) * stride + 3 - size)
        pads.append((whole // 2, whole - whole // 2))
    padded = np.zeros((x.shape[0] + sum(pads[0]), x.shape[1] + sum(pads[1]), x.shape[2]), x.dtype)
    padded[pads[0][0] : pads[0][0] + x.shape[0], pads[1][0] : pads[1][0] + x.shape[1]] = x
    return padded
