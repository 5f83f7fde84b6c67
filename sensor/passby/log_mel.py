"""Log-mel spectrogram: what the model of sound sources looks at.

Parameters are YAMNet's (Plakal and Ellis 2020): 16 kHz, 25 ms Hann windows every 10 ms, 64 mel
bands from 125 to 7500 Hz of the magnitude, logarithm with an offset of 0.001, patches of 0.96 s.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sensor.passby import resampling

SAMPLE_RATE = 16_000
WINDOW = 400
HOP = 160
FFT = 512
BANDS = 64
SPAN_HZ = (125.0, 7500.0)
LOG_OFFSET = 0.001
PATCH_FRAMES = 96
PATCH_HOP = 48
PATCH_SAMPLES = (PATCH_FRAMES - 1) * HOP + WINDOW


def resampled(sound: NDArray[np.floating], sample_rate: int) -> NDArray[np.float32]:
    """Return `sound`, shape (frames,), at 16 kHz."""
    if sample_rate == SAMPLE_RATE:
        return sound.astype(np.float32)
    converted = resampling.resampled(sound.astype(np.float64), sample_rate, SAMPLE_RATE)
    return converted.astype(np.float32)


def log_mel(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log-mel spectrogram of `sound` at 16 kHz.

    Parameters
    ----------
    sound : ndarray, shape (samples,), float32
        At least 400 samples.

    Returns
    -------
    ndarray, shape (1 + (samples - 400) // 160, 64), float32
    """
    frames = sliding_window_view(sound, WINDOW)[::HOP]
    magnitude = np.abs(np.fft.rfft(frames * _hann(), FFT, axis=1))
    mel: NDArray[np.float32] = np.log(magnitude @ mel_matrix() + np.float32(LOG_OFFSET))
    return mel


def patches(sound: NDArray[np.float32], most: int) -> NDArray[np.float32]:
    """Patches of 0.96 s of the log-mel spectrogram, one every 0.48 s.

    Parameters
    ----------
    sound : ndarray, shape (samples,), float32
        At 16 kHz; silence is added to fill up the last patch.
    most : int
        With more patches than this, so many spread evenly over the sound are taken.

    Returns
    -------
    ndarray, shape (patches, 96, 64), float32
    """
    step = PATCH_HOP * HOP
    count = 1 + max(0, -(-(sound.size - PATCH_SAMPLES) // step))
    filled = np.zeros(PATCH_SAMPLES + (count - 1) * step, dtype=np.float32)
    filled[: sound.size] = sound
    windows = sliding_window_view(log_mel(filled), PATCH_FRAMES, axis=0)[::PATCH_HOP]
    chosen = np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))
    return np.ascontiguousarray(windows[chosen].transpose(0, 2, 1))


def mel_of(frequency_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mel scale as HTK has it."""
    return 1127.0 * np.log1p(frequency_hz / 700.0)


@cache
def mel_matrix() -> NDArray[np.float32]:
    """Weights from the 257 bins of the spectrum to the 64 bands: triangles on the mel scale."""
    bins = mel_of(np.arange(FFT // 2 + 1) * SAMPLE_RATE / FFT)[:, np.newaxis]
    low, high = mel_of(np.array(SPAN_HZ))
    edges = np.linspace(low, high, BANDS + 2)
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (bins - lower) / (centre - lower), (upper - bins) / (upper - centre)
    weights = np.maximum(0.0, np.minimum(rising, falling))
    weights[0] = 0.0
    matrix: NDArray[np.float32] = weights.astype(np.float32)
    return matrix


@cache
def _hann() -> NDArray[np.float32]:
    periodic = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    return periodic.astype(np.float32)
