"""What a street sounds like when nothing happens: distant traffic, and wind at the microphone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sensor.inputs.street_sounds import noise, scaled

# Noise is made once and goes round; two lengths without a common measure repeat only together.
_HUM_S = 19.0
_WIND_S = 13.0
_SWELL_EVERY_S = 4.0
_GUST_EVERY_S = 2.5
_CURVE = 509


class Ambience:
    """Endless noise about a chosen background level, any stretch of it at once.

    Parameters
    ----------
    seed : sequence of int
        The same seed gives the same sound.
    sample_rate, channels : int
    laf90_db : float
        Level that the sound exceeds nine tenths of the time.
    """

    def __init__(self, seed: list[int], sample_rate: int, channels: int, laf90_db: float) -> None:
        rng = np.random.default_rng(seed)
        self.sample_rate = sample_rate
        self.channels = channels
        hum = noise(
            rng,
            round(_HUM_S * sample_rate),
            sample_rate,
            lambda hz: (
                1.0 / np.sqrt(1.0 + np.square(hz / 70.0)) + 0.25 / (1.0 + (hz / 1400.0) ** 2)
            ),
        )
        wind = noise(
            rng,
            round(_WIND_S * sample_rate),
            sample_rate,
            lambda hz: 1.0 / (1.0 + (hz / 25.0) ** 2) ** 0.8,
        )
        # The steady noise swells by 1 dB; Fast adds its own ripple to LAFmax.
        self._hum = scaled(hum, sample_rate, laf90_db + 1.5).astype(np.float32)
        self._wind = scaled(wind, sample_rate, laf90_db - 4.0).astype(np.float32)
        self._swell_db = rng.standard_normal(_CURVE)
        self._gust = np.square(np.maximum(0.0, rng.standard_normal(_CURVE) - 0.3))

    def render(self, first_frame: int, frames: int) -> NDArray[np.float64]:
        """Pressure in pascal of `frames` from `first_frame`, shape (frames, channels)."""
        index = np.arange(first_frame, first_frame + frames)
        swell = 10.0 ** (self._along(self._swell_db, index, _SWELL_EVERY_S) / 20.0)
        gust = self._along(self._gust, index, _GUST_EVERY_S)
        pressure_pa = np.empty((frames, self.channels))
        for channel in range(self.channels):
            # Another place on the same round is another noise, as in a diffuse field.
            hum = self._round(self._hum, index, channel)
            wind = self._round(self._wind, index, channel)
            pressure_pa[:, channel] = swell * hum + gust * wind
        return pressure_pa

    def _along(
        self, curve: NDArray[np.float64], index: NDArray[np.int64], every_s: float
    ) -> NDArray[np.float64]:
        knots = np.arange(_CURVE)
        return np.interp(index / (every_s * self.sample_rate), knots, curve, period=_CURVE)

    @staticmethod
    def _round(
        buffer: NDArray[np.float32], index: NDArray[np.int64], channel: int
    ) -> NDArray[np.float32]:
        offset = channel * len(buffer) // 2
        return buffer[(index + offset) % len(buffer)]
