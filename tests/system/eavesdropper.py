"""Looks for a sound in bytes, in whatever plain form it may have been written."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]

SNIPPET_S: Final = 0.02
"""As long as a piece must be to be told from chance: a thousand samples, or 160 at 8 kHz."""

ALIKE: Final = 0.8
"""Correlation above which the sound is there; what is by chance stays well below."""

_KINDS: Final = ("<i2", ">i2", "<i4", "<f4", ">f4", "<f8")
_BLOCK: Final = 1 << 16


def found_in(data: bytes, snippets: list[Floats]) -> bool:
    """Whether `data` holds one of the pieces of sound, louder, softer or turned over too."""
    return any(
        _correlation(samples, snippet) > ALIKE
        for samples in _readings(data)
        for snippet in snippets
    )


def snippets(sound: Floats, sample_rate: int, at_s: list[float]) -> list[Floats]:
    """Pieces of `sound` that begin at those times, at its own rate and at those of telephones."""
    made = []
    for start_s in at_s:
        first = round(start_s * sample_rate)
        piece = sound[first : first + round(SNIPPET_S * sample_rate)]
        made += [piece, *(_thinned(piece, sample_rate // rate) for rate in (16_000, 8_000))]
    return made


def information_bits(data: bytes) -> int:
    """What `data` can hold at most: its length when it is compressed."""
    return 8 * len(zlib.compress(data, 9))


def _thinned(piece: Floats, step: int) -> Floats:
    means: Floats = piece[: len(piece) // step * step].reshape(-1, step).mean(axis=1)
    return means


def _readings(data: bytes) -> Iterator[Floats]:
    """`data` read as samples of each kind, begun at each byte that can make a difference."""
    for kind in _KINDS:
        width = np.dtype(kind).itemsize
        for skip in range(width):
            usable = (len(data) - skip) // width * width
            yield from _blocks(np.frombuffer(data[skip : skip + usable], kind))
    for skip in range(3):
        whole = np.frombuffer(data[skip : skip + (len(data) - skip) // 3 * 3], np.uint8)
        parts = whole.reshape(-1, 3).astype(np.int32)
        yield from _blocks((parts[:, 2] << 24) | (parts[:, 1] << 16) | (parts[:, 0] << 8))


def _blocks(samples: npt.NDArray[Any]) -> Iterator[Floats]:
    overlap = _BLOCK // 8
    for first in range(0, len(samples), _BLOCK - overlap):
        with np.errstate(invalid="ignore", over="ignore"):
            block = samples[first : first + _BLOCK].astype(np.float64)
        # What is no sound in this reading may be any number, and would drown what is.
        yield np.where(np.abs(block) < 1e12, np.nan_to_num(block, posinf=0, neginf=0), 0.0)


def _correlation(samples: Floats, snippet: Floats) -> float:
    n = len(snippet)
    if len(samples) < n or not samples.any():
        return 0.0
    wanted = (snippet - snippet.mean()) / np.linalg.norm(snippet - snippet.mean())
    size = 1 << (len(samples) + n - 1).bit_length()
    product = np.fft.irfft(np.fft.rfft(samples, size) * np.conj(np.fft.rfft(wanted, size)), size)
    sums = np.cumsum(np.concatenate([[0.0], samples]))
    squares = np.cumsum(np.concatenate([[0.0], samples**2]))
    energy = squares[n:] - squares[:-n] - (sums[n:] - sums[:-n]) ** 2 / n
    # Beside a huge number rounding hides what is small: there nothing can be said.
    least = 1e-9 * squares[-1]
    norms = np.sqrt(np.where(energy > least, energy, np.inf))
    return float(np.max(np.abs(product[: len(norms)]) / norms, initial=0.0))
