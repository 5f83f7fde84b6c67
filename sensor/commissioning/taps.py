"""Which microphone a clap or tap was nearest to: by its level, and by which heard it first."""

from __future__ import annotations

from collections import deque
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from sensor.blocks import AudioBlock
from sensor.contract.commissioning import Tap

_STEP_S: Final = 0.005
_QUIET_STEPS: Final = 200
_LEAST_QUIET_STEPS: Final = 40
# A tap stands out by this from the second before it, and is at least as loud as a word.
_RISE_DB: Final = 20.0
_LEAST_PA: Final = 0.05
_BEFORE_S: Final = 0.01
_AFTER_S: Final = 0.06
# Beside a microphone a clap is this much louder there; the nearer one also hears it first.
_SURE_DB: Final = 3.0
_SURE_S: Final = 1e-4
_LONGEST_DELAY_S: Final = 0.005
_LEAST_LIKENESS: Final = 0.4

Nearest = Literal[0, 1]


class TapFinder:
    """Listens for a clap beside one of the first two channels.

    Parameters
    ----------
    sample_rate : int
    asked : int
        The microphone that it shall be at, for the record.
    """

    def __init__(self, sample_rate: int, asked: Nearest) -> None:
        self._asked = asked
        self._rate = sample_rate
        self._step = max(1, round(_STEP_S * sample_rate))
        self._quiet: deque[float] = deque(maxlen=_QUIET_STEPS)
        self._held = np.zeros((0, 2), dtype=np.float64)
        self._next_frame: int | None = None

    def process(self, block: AudioBlock) -> Tap | None:
        """Take in the next block; return the tap once one was heard whole."""
        if block.gap or block.start_frame != (self._next_frame or block.start_frame):
            self._held = self._held[:0]
            self._quiet.clear()
        self._next_frame = block.end_frame
        sound = block.pressure_pa[:, :2].astype(np.float64)
        self._held = np.concatenate((self._held, sound))
        return self._look()

    def _look(self) -> Tap | None:
        """Go through whole steps; keep some sound from before the one that is next."""
        before = round(_BEFORE_S * self._rate)
        after = round(_AFTER_S * self._rate)
        at = before
        while at + max(after, self._step) <= len(self._held):
            peak_pa = float(np.abs(self._held[at : at + self._step]).max())
            if self._is_tap(peak_pa):
                return self._told(self._held[at - before : at + after])
            self._quiet.append(peak_pa)
            at += self._step
        self._held = self._held[at - before :]
        return None

    def _is_tap(self, peak_pa: float) -> bool:
        if len(self._quiet) < _LEAST_QUIET_STEPS or peak_pa < _LEAST_PA:
            return False
        return peak_pa > float(np.median(self._quiet)) * 10 ** (_RISE_DB / 20)

    def _told(self, sound: NDArray[np.float64]) -> Tap:
        centred = sound - sound.mean(axis=0)
        energy = np.maximum((centred**2).sum(axis=0), 1e-20)
        difference_db = float(10 * np.log10(energy[1] / energy[0]))
        delay_s = _delay_s(centred, self._rate)
        return Tap(
            asked=self._asked,
            nearest=_nearest(difference_db, delay_s),
            level_difference_db=round(difference_db, 1),
            delay_ms=None if delay_s is None else round(1000 * delay_s, 2),
        )


def _nearest(difference_db: float, delay_s: float | None) -> Nearest | None:
    """Of channel 1 after 0: quieter and later means that it was nearer to channel 0."""
    by_level: Nearest | None = None
    by_time: Nearest | None = None
    if abs(difference_db) >= _SURE_DB:
        by_level = 1 if difference_db > 0 else 0
    if delay_s is not None and abs(delay_s) >= _SURE_S:
        by_time = 0 if delay_s > 0 else 1
    if by_level is None or by_time is None:
        return by_level if by_time is None else by_time
    return by_level if by_level == by_time else None


def _delay_s(sound: NDArray[np.float64], rate: int) -> float | None:
    """Delay of channel 1 after channel 0; None where the two do not sound alike."""
    longest = round(_LONGEST_DELAY_S * rate)
    size = 2 ** int(np.ceil(np.log2(len(sound) + longest)))
    spectra = np.fft.rfft(sound, size, axis=0)
    correlation = np.fft.irfft(np.conj(spectra[:, 0]) * spectra[:, 1], size)
    lags = np.concatenate((correlation[-longest:], correlation[: longest + 1]))
    best = int(np.argmax(lags))
    scale = np.sqrt((sound[:, 0] ** 2).sum() * (sound[:, 1] ** 2).sum())
    if scale <= 0 or lags[best] < _LEAST_LIKENESS * scale:
        return None
    return float((best - longest) / rate)
