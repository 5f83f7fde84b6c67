"""Sound of something that drives past, as microphones beside the road receive it.

The pressure at a microphone at time `t` left the source at the retarded time `tau` that solves
``t = tau + |source(tau) - microphone| / c``; solving that exactly gives Doppler shift, change of
level and delays between microphones at once.  The road reflects: an image source below the road
adds a weaker, low-passed copy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, spline_filter1d

FloatArray = NDArray[np.float64]

# Newton starts within a few percent and doubles its digits: three steps leave nanoseconds.
_NEWTON_STEPS = 3
_SPLIT_HZ = 2000.0
# Air takes about 0.005 dB/m in the octaves below the split and 0.03 dB/m above (ISO 9613-1, 15 °C).
_ABSORPTION_LOW_PER_M = 0.005 / 8.686
_ABSORPTION_HIGH_PER_M = 0.03 / 8.686


def speed_of_sound_mps(temperature_c: float) -> float:
    """Speed of sound in dry air at `temperature_c` (ideal gas)."""
    return 331.3 * float(np.sqrt(1.0 + temperature_c / 273.15))


@dataclass(frozen=True, slots=True)
class Motion:
    """A straight drive along x, past the microphones.

    Parameters
    ----------
    speed_mps : float
        Speed at the nearest point; negative drives towards negative x.
    nearest_s : float
        Time at which the source itself is nearest (not when that is heard).
    lateral_m : float
        Horizontal distance from the microphones' middle to the line of driving.
    height_m : float
        Height of the source above the road.
    acceleration_mps2 : float
        Rate of change of the speed's magnitude.
    """

    speed_mps: float
    nearest_s: float
    lateral_m: float
    height_m: float = 0.4
    acceleration_mps2: float = 0.0

    def along_m(self, time_s: FloatArray) -> FloatArray:
        """Position along the road at `time_s`."""
        after_s = time_s - self.nearest_s
        gain = 0.5 * self.acceleration_mps2 * np.sign(self.speed_mps)
        return np.asarray(self.speed_mps * after_s + gain * after_s**2)

    def velocity_mps(self, time_s: FloatArray) -> FloatArray:
        """Velocity along the road at `time_s`."""
        gain = self.acceleration_mps2 * np.sign(self.speed_mps)
        return np.asarray(self.speed_mps + gain * (time_s - self.nearest_s))


@dataclass(frozen=True, slots=True)
class Microphone:
    """Where a microphone hangs: along the road, towards the road, above the ground."""

    along_m: float
    towards_m: float
    height_m: float


def microphone_pair(
    spacing_m: float, height_m: float, yaw_deg: float = 0.0
) -> tuple[Microphone, Microphone]:
    """Two microphones about the origin, channel 0 at negative x, turned by `yaw_deg`."""
    half_m, yaw = spacing_m / 2.0, np.deg2rad(yaw_deg)
    dx, dy = float(half_m * np.cos(yaw)), float(half_m * np.sin(yaw))
    return Microphone(-dx, -dy, height_m), Microphone(dx, dy, height_m)


def emission_times_s(
    heard_s: FloatArray,
    motion: Motion,
    microphone: Microphone,
    source_height_m: float,
    c_mps: float,
) -> tuple[FloatArray, FloatArray]:
    """Times at which the sound heard at `heard_s` was sent, and how far it travelled.

    Parameters
    ----------
    heard_s : ndarray, shape (frames,)
    source_height_m : float
        Height of the source or, negative, of its image in the road.

    Returns
    -------
    emission_s, distance_m : ndarray, shape (frames,)
    """
    lateral_m = motion.lateral_m - microphone.towards_m
    across2 = lateral_m**2 + (microphone.height_m - source_height_m) ** 2
    emission_s = heard_s - np.sqrt(across2) / c_mps
    distance_m = np.full_like(heard_s, np.sqrt(across2))
    for _ in range(_NEWTON_STEPS):
        dx = motion.along_m(emission_s) - microphone.along_m
        distance_m = np.sqrt(dx**2 + across2)
        slope = 1.0 + motion.velocity_mps(emission_s) * dx / (distance_m * c_mps)
        emission_s = emission_s - (emission_s + distance_m / c_mps - heard_s) / slope
    return emission_s, distance_m


class MovingSource:
    """A source signal, made ready to be heard from anywhere.

    Parameters
    ----------
    signal_pa : ndarray, shape (samples,)
        Pressure the source would give at 1 m.
    sample_rate : int
        Samples a second.
    lead_s : float
        The signal's first sample was sent `lead_s` before time 0, so that sound that needed time
        to travel is there at time 0.
    """

    def __init__(self, signal_pa: FloatArray, sample_rate: int, lead_s: float) -> None:
        from scipy.signal import butter, sosfilt  # noqa: PLC0415 - see sensor/acoustics/filtering.py: costs seconds and 80 MB

        self.sample_rate = sample_rate
        self.lead_s = lead_s
        low = butter(2, _SPLIT_HZ, fs=sample_rate, output="sos")
        low_pa = sosfilt(low, signal_pa)
        self._low = spline_filter1d(low_pa, order=3)
        self._high = spline_filter1d(signal_pa - low_pa, order=3)

    def heard_pa(
        self,
        heard_s: FloatArray,
        motion: Motion,
        microphone: Microphone,
        c_mps: float,
        reflection: float = 0.85,
    ) -> FloatArray:
        """Pressure at `microphone` at the times `heard_s`: direct sound and the road's reflection.

        `reflection` is the road's pressure reflection factor below 2 kHz; above, 0.93 of it.
        """
        direct = self._by_path(heard_s, motion, microphone, motion.height_m, c_mps, 1.0, 1.0)
        return direct + self._by_path(
            heard_s, motion, microphone, -motion.height_m, c_mps, reflection, 0.93 * reflection
        )

    def _by_path(
        self,
        heard_s: FloatArray,
        motion: Motion,
        microphone: Microphone,
        source_height_m: float,
        c_mps: float,
        low_gain: float,
        high_gain: float,
    ) -> FloatArray:
        sent_s, distance_m = emission_times_s(heard_s, motion, microphone, source_height_m, c_mps)
        index = ((sent_s + self.lead_s) * self.sample_rate)[np.newaxis]
        low = map_coordinates(self._low, index, order=3, prefilter=False)
        high = map_coordinates(self._high, index, order=3, prefilter=False)
        low *= low_gain * np.exp(-_ABSORPTION_LOW_PER_M * distance_m)
        high *= high_gain * np.exp(-_ABSORPTION_HIGH_PER_M * distance_m)
        return np.asarray((low + high) / distance_m, dtype=np.float64)
