"""A microphone's response file, and the filter that undoes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sensor.acoustics.weighting import USABLE_SHARE, check_rate
from sensor.errors import MeterError

Array = NDArray[np.float64]

REFERENCE_HZ: Final = 1000.0
LARGEST_GAIN_DB: Final = 40.0
# More would raise the noise of the microphone more than it mends.
LARGEST_CORRECTION_DB: Final = 20.0
# Long enough to follow a curve of third octaves from 20 Hz up.
FILTER_S: Final = 0.085
LOWEST_HZ: Final = 20.0

_NUMBER = re.compile(r"[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?")
_SENSITIVITY = re.compile(r"sens\w*\s*factor\s*=\s*([-+]?[\d.]+)\s*dB", re.IGNORECASE)
_SERIAL = re.compile(r"serno\s*:\s*([\w-]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class MicrophoneResponse:
    """Gain of a microphone over frequency, relative to 1 kHz.

    Parameters
    ----------
    frequency_hz, gain_db : ndarray, shape (points,)
        Rising frequencies, and what the microphone adds at each.
    sensitivity_db, serial : float or None, str or None
        As the file's head states them; the sensitivity is not used: a calibrator tells it better.
    """

    frequency_hz: Array
    gain_db: Array
    sensitivity_db: float | None = None
    serial: str | None = None

    def gain_at_db(self, frequency_hz: ArrayLike) -> Array:
        """Gain between the points, over the logarithm of frequency; constant beyond the ends."""
        at = np.log(np.maximum(np.asarray(frequency_hz, dtype=np.float64), 1e-3))
        return np.asarray(np.interp(at, np.log(self.frequency_hz), self.gain_db))


def read_response(path: Path) -> MicrophoneResponse:
    """Read the text file that comes with a measurement microphone.

    Lines hold a frequency in hertz and a gain in decibels, perhaps a phase, set apart by blanks,
    tabs, commas or semicolons; a decimal comma is understood. Other lines are remarks, of which
    ``Sens Factor`` and ``SERNO`` are kept.

    Raises
    ------
    MeterError
        If the file cannot be read or is no such table.
    """
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        reason = error.strerror
        raise MeterError(f"cannot read the response file {path}: {reason}") from error
    points = [point for line in text.splitlines() if (point := _point(line)) is not None]
    if len(points) < 2:
        raise MeterError(
            f"{path} is no response file: give lines with a frequency in Hz and a gain in dB"
        )
    frequency, gain = np.array(points).T
    if (np.diff(frequency) <= 0).any() or frequency[0] <= 0:
        raise MeterError(f"{path}: the frequencies do not rise from line to line: sort them")
    if np.abs(gain).max() > LARGEST_GAIN_DB:
        raise MeterError(f"{path}: a gain is beyond {LARGEST_GAIN_DB:g} dB: check the columns")
    if not frequency[0] <= REFERENCE_HZ <= frequency[-1]:
        raise MeterError(f"{path} does not reach 1 kHz, where the calibrator is: use another file")
    gain = gain - np.interp(np.log(REFERENCE_HZ), np.log(frequency), gain)
    sensitivity, serial = _SENSITIVITY.search(text), _SERIAL.search(text)
    return MicrophoneResponse(
        frequency,
        gain,
        float(sensitivity[1]) if sensitivity else None,
        serial[1] if serial else None,
    )


class ResponseFilter:
    """Minimum-phase filter that undoes a microphone's response.

    Parameters
    ----------
    response : MicrophoneResponse
    sample_rate : int
        16 to 192 kHz.

    Attributes
    ----------
    error_db : float
        Largest difference between what the filter does and what it should do, at the points of
        the response from 20 Hz to 20 kHz or 0.45 of the sample rate.
    """

    def __init__(self, response: MicrophoneResponse, sample_rate: int) -> None:
        check_rate(sample_rate)
        self.response = response
        self._sample_rate = sample_rate
        self._taps = _minimum_phase(response, sample_rate)
        self._spectra: dict[int, NDArray[np.complex128]] = {}
        top_hz = min(20_000.0, USABLE_SHARE * sample_rate)
        inside = (response.frequency_hz >= LOWEST_HZ) & (response.frequency_hz <= top_hz)
        points = response.frequency_hz[inside]
        difference = self.gain_db(points) - _correction_db(response, points)
        self.error_db = float(np.abs(difference).max(initial=0.0))
        self.reset()

    def gain_db(self, frequency_hz: ArrayLike) -> Array:
        """What the filter does at these frequencies."""
        time = np.arange(self._taps.size) / self._sample_rate
        phase = np.outer(np.asarray(frequency_hz, dtype=np.float64), 2j * np.pi * time)
        gain: Array = 20 * np.log10(np.abs(np.exp(-phase) @ self._taps))
        return gain

    def reset(self) -> None:
        """Begin anew, out of silence."""
        self._past = np.zeros(self._taps.size - 1)

    def process(self, pressure_pa: Array) -> Array:
        """Correct the next frames.

        Parameters
        ----------
        pressure_pa : ndarray, shape (frames,)

        Returns
        -------
        ndarray, shape (frames,)
        """
        joined = np.concatenate([self._past, pressure_pa])
        self._past = joined[joined.size - self._past.size :].copy()
        length = _fast_length(joined.size)
        if length not in self._spectra:
            self._spectra = {length: np.fft.rfft(self._taps, length)}
        filtered = np.fft.irfft(np.fft.rfft(joined, length) * self._spectra[length], length)
        return filtered[self._taps.size - 1 : joined.size]


def load_response_filter(path: Path, sample_rate: int) -> ResponseFilter:
    """Read a response file and make its filter.

    Raises
    ------
    MeterError
        If the file is none, or the rate is outside 16 to 192 kHz.
    """
    return ResponseFilter(read_response(path), sample_rate)


def _correction_db(response: MicrophoneResponse, frequency_hz: Array) -> Array:
    correction: Array = np.clip(
        -response.gain_at_db(frequency_hz), -LARGEST_CORRECTION_DB, LARGEST_CORRECTION_DB
    )
    return correction


def _minimum_phase(response: MicrophoneResponse, sample_rate: int) -> Array:
    """Impulse response of the correction by its real cepstrum (Oppenheim and Schafer, 13.5)."""
    taps = int(FILTER_S * sample_rate)
    length = _fast_length(8 * taps)
    frequency = np.arange(length // 2 + 1) * sample_rate / length
    cepstrum = np.fft.irfft(_correction_db(response, frequency) * np.log(10) / 20, length)
    # All of the cepstrum's past is folded into its future, which makes the response causal.
    cepstrum[1 : length // 2] *= 2
    cepstrum[length // 2 + 1 :] = 0
    impulse = np.fft.irfft(np.exp(np.fft.rfft(cepstrum)), length)[:taps]
    fade = taps // 4
    impulse[-fade:] *= np.cos(np.linspace(0, np.pi / 2, fade)) ** 2
    return impulse


def _point(line: str) -> tuple[float, float] | None:
    """Frequency and gain of a line, or None if it is a remark."""
    fields = [field for field in re.split(r"[\s;]+", line.strip()) if field]
    if len(fields) < 2:
        fields = [field.strip() for field in line.split(",")]
    fields = [field.rstrip(",") for field in fields]
    if len(fields) < 2 or not all(_NUMBER.fullmatch(field) for field in fields[:2]):
        return None
    frequency, gain = (float(field.replace(",", ".")) for field in fields[:2])
    return frequency, gain


def _fast_length(least: int) -> int:
    """The next length that is quick to transform."""
    return min(odd << max(0, -(-least // odd) - 1).bit_length() for odd in (1, 3, 5, 9, 15))
