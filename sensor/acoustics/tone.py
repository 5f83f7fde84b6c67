"""Finding a calibrator's tone in what the microphone hears."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from sensor.acoustics.levels import level_db
from sensor.acoustics.weighting import check_rate
from sensor.blocks import AudioBlock
from sensor.errors import SensorError

STABLE_S: Final = 5.0
WINDOW_S: Final = 0.5
WINDOWS: Final = round(STABLE_S / WINDOW_S)
STABLE_DB: Final = 0.1
# A class 2 calibrator may be 2 % off its frequency (IEC 60942:2017).
FREQUENCY_SHARE: Final = 0.02
# All but the tone together: 10 % in pressure. A calibrator stays below 3 %.
OTHER_SHARE: Final = 0.01
# Bins on either side of a tone that hold its energy under a Hann window.
TONE_BINS: Final = 3
LOWEST_HZ: Final = 20.0
LEAST_LEVEL_DB: Final = 40.0


Fault = Literal["silent", "gap", "overload", "quiet", "impure", "frequency", "short", "unstable"]
"""What keeps a sound from being a calibrator's tone."""


class CalibrationError(SensorError):
    """A calibration that cannot be made or kept."""


@dataclass(frozen=True, slots=True)
class CalibratorTone:
    """A tone that was stable for five seconds.

    Parameters
    ----------
    level_db : float
        Sound pressure level of the tone alone.
    standard_deviation_db : float
        Of its level over ten windows of half a second.
    frequency_hz : float
    """

    level_db: float
    standard_deviation_db: float
    frequency_hz: float


@dataclass(frozen=True, slots=True)
class _Window:
    tone_pa2: float
    total_pa2: float
    frequency_hz: float


class ToneFinder:
    """Listens until a calibrator's tone has been stable for five seconds.

    Parameters
    ----------
    sample_rate : int
    frequency_hz : float
        The calibrator's frequency.
    full_scale_pa : float or None
        Pressure at the limit of the input, when it is known.
    channel : int
    sensitivity : float
        Factor from the input's nominal to true pressure.
    """

    def __init__(
        self,
        sample_rate: int,
        frequency_hz: float = 1000.0,
        *,
        full_scale_pa: float | None = None,
        channel: int = 0,
        sensitivity: float = 1.0,
    ) -> None:
        check_rate(sample_rate)
        self._sample_rate = sample_rate
        self._frequency_hz = frequency_hz
        self._limit_pa = np.inf if full_scale_pa is None else 0.999 * full_scale_pa
        self._channel = channel
        self._sensitivity = sensitivity
        self._frames = round(WINDOW_S * sample_rate)
        self._window = np.hanning(self._frames + 1)[:-1]
        self._parts: list[NDArray[np.float64]] = []
        self._next_frame: int | None = None
        self._windows: deque[_Window] = deque(maxlen=WINDOWS)
        self._fault: Fault
        self._why_not: str
        self._begin_anew("silent", "no sound came")

    @property
    def fault(self) -> Fault:
        """Name of :attr:`why_not`."""
        return self._fault

    @property
    def why_not(self) -> str:
        """What kept the latest sound from being the calibrator's tone."""
        return self._why_not

    def process(self, block: AudioBlock) -> CalibratorTone | None:
        """Take in the next block; return the tone once it has been stable.

        Raises
        ------
        CalibrationError
            If the block has not the channel.
        """
        if self._channel >= block.channels:
            raise CalibrationError(
                f"channel {self._channel} is to be calibrated, but the input has {block.channels}: "
                "set meter.channel"
            )
        if block.gap or block.start_frame != (self._next_frame or block.start_frame):
            self._begin_anew("gap", "sound is missing in between")
        self._next_frame = block.end_frame
        sound = block.pressure_pa[:, self._channel].astype(np.float64)
        if not np.abs(sound).max(initial=0.0) < self._limit_pa:
            self._begin_anew("overload", "the input is overloaded")
            return None
        self._parts.append(sound * self._sensitivity)
        return self._listen()

    def _begin_anew(self, fault: Fault, why_not: str) -> None:
        self._parts = []
        self._windows.clear()
        self._note(fault, why_not)

    def _note(self, fault: Fault, why_not: str) -> None:
        self._fault, self._why_not = fault, why_not

    def _listen(self) -> CalibratorTone | None:
        joined = np.concatenate(self._parts)
        while joined.size >= self._frames:
            self._windows.append(self._heard(joined[: self._frames]))
            joined = joined[self._frames :]
            tone = self._judged()
            if tone is not None:
                return tone
        self._parts = [joined]
        return None

    def _heard(self, sound: NDArray[np.float64]) -> _Window:
        """The strongest tone in one window."""
        spectrum = np.fft.rfft((sound - sound.mean()) * self._window)
        # Hann: 3/8 of the power is left; both halves of the spectrum count.
        power = 2 * np.square(np.abs(spectrum)) / (self._frames**2 * 3 / 8)
        first = round(LOWEST_HZ * WINDOW_S)
        peak = first + TONE_BINS + int(np.argmax(power[first + TONE_BINS : -TONE_BINS]))
        low, middle, high = np.sqrt(power[peak - 1 : peak + 2]) + 1e-30
        # The ratio of neighbours under a Hann window tells the place between bins exactly.
        ratio = max(low, high) / middle
        shift = (2 * ratio - 1) / (ratio + 1) * (1 if high > low else -1)
        tone = float(power[peak - TONE_BINS : peak + TONE_BINS + 1].sum())
        return _Window(tone, float(power[first:].sum()), (peak + shift) / WINDOW_S)

    def _judged(self) -> CalibratorTone | None:
        latest = self._windows[-1]
        unlike = self._unlike_a_tone(latest)
        if unlike is not None:
            self._windows.clear()
            self._note(*unlike)
            return None
        energies = np.array([window.tone_pa2 for window in self._windows])
        levels = np.array([level_db(float(energy)) for energy in energies])
        spread = float(levels.std())
        if len(self._windows) < WINDOWS:
            heard_s = len(self._windows) * WINDOW_S
            self._note("short", f"the tone was there for only {heard_s:g} s")
            return None
        if spread >= STABLE_DB:
            self._note(
                "unstable", f"the level is not stable: it scatters by {spread:.2f} dB within 5 s"
            )
            return None
        frequency = float(np.mean([window.frequency_hz for window in self._windows]))
        return CalibratorTone(level_db(float(energies.mean())), spread, frequency)

    def _unlike_a_tone(self, heard: _Window) -> tuple[Fault, str] | None:
        if level_db(heard.total_pa2) < LEAST_LEVEL_DB:
            return "quiet", f"it is too quiet ({level_db(heard.total_pa2):.0f} dB)"
        if heard.total_pa2 - heard.tone_pa2 > OTHER_SHARE * heard.total_pa2:
            return "impure", "what is heard is no pure tone"
        off = abs(heard.frequency_hz / self._frequency_hz - 1)
        if off > FREQUENCY_SHARE:
            return "frequency", (
                f"the tone is at {heard.frequency_hz:.0f} Hz, not at {self._frequency_hz:g} Hz"
            )
        return None
